// The link between initiator and target, where faults strike. Every frame of either end enters and
// leaves here, in virtual time and on a real link.
//
// Owns the armed faults and the run's randomness; keeps the ledger and the captures of both sides,
// and calls the observer of its frames. Decides what leaves and how much later; its world carries
// that out.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "harness/link/fault.h"
#include "harness/link/ledger.h"
#include "wire/frame_port.h"
#include "wire/pcap_file.h"

namespace aoe::harness {

/// Captures of the two sides of the fault stage; null in a run that keeps none.
struct Captures {
  std::unique_ptr<PcapWriter> initiator_side;
  std::unique_ptr<PcapWriter> target_side;

  /// initiator-side.pcap and target-side.pcap in a folder.
  static tl::expected<Captures, std::string> create(const std::string& folder);
  tl::expected<void, std::string> flush();
};

/// Who made a frame: an end of the link, or the scenario in the name of an end. Checks don't judge
/// a scenario's frames; they only use what those ask for.
enum class Origin : std::uint8_t { end, scenario };

/// A copy of a frame that leaves the stage `delay` after it entered.
struct Delivery {
  FrameId id{};
  Direction direction{};
  Duration delay{};
  std::vector<std::uint8_t> bytes{};
  bool altered = false;  // a fault changed it
};

/// Does a frame get through the link in its present state?
inline bool carries(const Link& link, Bytes frame) {
  return link.up && frame.size() <= link.frame_size_max();
}

/// Who follows the requests and replies of a link: the seam to the judge of its frames
/// (judge/exchanges.h). Called for every frame of both ends, and for frames that a scenario
/// injects, but not for those that the stage's listener keeps for itself. An entry is the frame's
/// in the ledger.
class LinkObserver {
 public:
  /// A frame entered the link. `frame` is what decode() makes of `bytes`.
  virtual void sent(LedgerEntry& entry, Bytes bytes, const Frame& frame) = 0;
  /// A copy of a frame left the link as it had entered.
  virtual void delivered(LedgerEntry& entry, Instant now) = 0;
  /// A config frame left the link to the initiator, altered or not.
  virtual void delivered_config(const Frame& frame, Instant now) = 0;
  /// A copy left the link as something else than what had entered.
  virtual void delivered_altered(Direction direction, const Frame& frame, Instant now) = 0;

 protected:
  ~LinkObserver() = default;
};

class FaultStage {
 public:
  /// Frames that a fault strikes beyond these are only counted.
  static constexpr std::size_t struck_kept = 1000;

  FaultStage(Ledger& ledger, LinkObserver& observer, Captures captures, std::uint64_t seed)
      : ledger_(ledger), observer_(observer), captures_(std::move(captures)), seed_(seed) {}

  /// Is called for all frames before the observer is. Returns whether it keeps a frame for itself:
  /// the observer is not called with it. `entry` is the frame's in the ledger; what a frame that it
  /// keeps answers is the listener's to note there.
  class Listener {
   public:
    virtual bool entered(LedgerEntry& entry, Bytes frame, Instant now) = 0;
    virtual bool left(FrameId id, Direction direction, Bytes frame, Instant now) = 0;

   protected:
    ~Listener() = default;
  };
  /// One at a time; null: none.
  void listen(Listener* listener) { listener_ = listener; }

  /// Called for each copy of a write that reaches the target, with its LBA and data, except those
  /// that the listener keeps for itself. Null: not called.
  using WriteWatch = std::function<void(std::uint64_t lba, Bytes data)>;
  void watch_writes(WriteWatch watch) { write_watch_ = std::move(watch); }

  /// Called with all frames as the target's end of the link has them: what arrives there, altered
  /// or not, and what the target itself sends. Null: not called.
  using TargetWatch = std::function<void(FrameId id, Direction direction, Bytes frame)>;
  void watch_target(TargetWatch watch) { target_watch_ = std::move(watch); }

  void arm(const FaultSpec& spec, Instant now);
  void heal(const std::string& id);
  void heal_all() { armed_.clear(); }
  /// Makes all faults do what these decisions say and nothing else. Called before any is armed.
  void follow(std::vector<Decision> decisions) { plan_.emplace(std::move(decisions)); }
  /// The decisions of follow() whose frame has not come.
  std::vector<Decision> missed() const { return plan_ ? plan_->missed() : std::vector<Decision>(); }
  /// What the faults decided, in order; the first decisions_max of it.
  const std::vector<Decision>& decisions() const { return decisions_; }
  /// An I/O began, or ended: some faults strike only meanwhile.
  void io_began(const std::string& id);
  void io_ended(const std::string& id);
  /// What a fault has done, armed or healed.
  struct Account {
    std::uint64_t hits = 0;        // frames that it struck
    std::vector<FrameId> dropped;  // those that it dropped or changed, in order
    std::vector<FrameId> struck;   // the first struck_kept of all, in order
  };
  const Account& account(const std::string& id) const { return accounts_.at(id); }

  /// A frame entered. Appends its copies that will leave to `out`. A frame that one fault dropped
  /// meets no other.
  void enter(Direction direction, Bytes frame, Instant now, std::vector<Delivery>& out,
             Origin origin = Origin::end);
  /// A delivery arrives now.
  void leave(const Delivery& delivery, Instant now);
  /// A delivery is lost, because the link is down or its MTU too small.
  void lose(const Delivery& delivery, const Link& link);
  /// Takes back the buffer of a delivery that was left or lost.
  void recycle(Delivery&& delivery) { spare_.push_back(std::move(delivery.bytes)); }

  Captures& captures() { return captures_; }

 private:
  struct Armed {
    ArmedFault fault;
    Account* account;
  };

  void tell_write(const Delivery& delivery, const LedgerEntry& entry) const;
  void strike(LedgerEntry& entry, Passing& passing);
  void capture(bool initiator_side, Instant now, Bytes frame);
  std::vector<std::uint8_t> buffer();

  Ledger& ledger_;
  LinkObserver& observer_;
  Captures captures_;
  Listener* listener_ = nullptr;
  WriteWatch write_watch_;
  TargetWatch target_watch_;
  const std::uint64_t seed_;
  std::optional<Plan> plan_;
  std::vector<Armed> armed_;
  std::vector<Decision> decisions_;
  std::vector<std::string> ios_at_work_;
  std::vector<std::uint8_t> changed_;        // the frame that a fault is changing
  std::map<std::string, Account> accounts_;  // of all faults, armed or healed
  std::string struck_by_;
  std::vector<std::vector<std::uint8_t>> spare_;
};

}  // namespace aoe::harness
