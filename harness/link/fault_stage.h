// What lies between the nodes of a network, where faults strike. Every frame of a node enters and
// leaves here, in virtual time and on real interfaces: it enters at its sender's port, and a fault
// meets it once for each port that it leaves by.
//
// Owns the segments, the armed faults and the run's randomness; keeps the ledger and a capture of
// each port, and calls the observer of its frames. Decides what leaves and how much later; its world
// carries that out.
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

#include "harness/link/fabric.h"
#include "harness/link/fault.h"
#include "harness/link/ledger.h"
#include "wire/frame_port.h"
#include "wire/pcap_file.h"

namespace aoe::harness {

/// A capture of each port of a network; none in a run that keeps none.
struct Captures {
  std::vector<std::unique_ptr<PcapWriter>> ports;

  /// initiator-side.pcap and so on in a folder: see capture_name().
  static tl::expected<Captures, std::string> create(const std::string& folder,
                                                    const Network& network);
  tl::expected<void, std::string> flush();
};
/// "initiator-side.pcap"; "t1-san-side.pcap", where a node has several interfaces.
std::string capture_name(const Network& network, PortIndex port);

/// Who made a frame: a node, or the scenario in its name. Checks don't judge a scenario's frames; they
/// only use what those ask for.
enum class Origin : std::uint8_t { end, scenario };

/// A copy of a frame that leaves the stage by a port, `delay` after it entered.
struct Delivery {
  FrameId id{};
  Direction direction{};
  PortIndex to = 0;
  Duration delay{};
  std::vector<std::uint8_t> bytes{};
  bool altered = false;  // a fault changed it
};

/// Does a frame get through the link in its present state?
inline bool carries(const Link& link, Bytes frame) {
  return link.up && frame.size() <= link.frame_size_max();
}

/// Who follows the requests and replies of a network: the seam to the judge of its frames
/// (judge/parties.h). Called for every frame of all nodes, and for frames that a scenario injects,
/// but not for those that the stage's listener keeps for itself. An entry is the frame's in the
/// ledger; `to` is the port that a copy left by.
class LinkObserver {
 public:
  /// A frame entered. `frame` is what decode() makes of `bytes`.
  virtual void sent(LedgerEntry& entry, Bytes bytes, const Frame& frame) = 0;
  /// A frame entered that the listener keeps for itself.
  virtual void claimed(const LedgerEntry& /*entry*/, const Frame& /*frame*/) {}
  /// A copy of a frame left as it had entered.
  virtual void delivered(LedgerEntry& entry, PortIndex to, Instant now) = 0;
  /// A config frame left to an initiator, altered or not.
  virtual void delivered_config(const Frame& frame, PortIndex to, Instant now) = 0;
  /// A copy left as something else than what had entered.
  virtual void delivered_altered(const LedgerEntry& entry, const Frame& frame, PortIndex to,
                                 Instant now) = 0;

 protected:
  ~LinkObserver() = default;
};

class FaultStage {
 public:
  /// Frames that a fault strikes beyond these are only counted.
  static constexpr std::size_t struck_kept = 1000;

  FaultStage(Ledger& ledger, LinkObserver& observer, Captures captures, std::uint64_t seed,
             const Network& network = Network::of_two());

  /// Is called for all frames before the observer is. Returns whether it keeps a frame for itself:
  /// the observer is not called with it. `entry` is the frame's in the ledger; what a frame that it
  /// keeps answers is the listener's to note there.
  class Listener {
   public:
    virtual bool entered(LedgerEntry& entry, Bytes frame, Instant now) = 0;
    virtual bool left(const Delivery& delivery, Instant now) = 0;

   protected:
    ~Listener() = default;
  };
  /// One at a time; null: none.
  void listen(Listener* listener) { listener_ = listener; }

  /// Called for each copy of a write that reaches a target, with its LBA and data, except those that
  /// the listener keeps for itself. Null: not called.
  using WriteWatch =
      std::function<void(NodeIndex target, Address address, std::uint64_t lba, Bytes data)>;
  void watch_writes(WriteWatch watch) { write_watch_ = std::move(watch); }

  /// Called with all frames as the ports of targets have them: what arrives there, altered or not,
  /// and what the targets themselves send. Null: not called.
  using TargetWatch =
      std::function<void(FrameId id, PortIndex port, Direction direction, Bytes frame)>;
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

  /// A frame entered. Appends its copies that will leave to `out`. A copy that one fault dropped
  /// meets no other.
  void enter(PortIndex from, Bytes frame, Instant now, std::vector<Delivery>& out,
             Origin origin = Origin::end);
  /// A delivery arrives now at the interface of its port, which has this address. Returns whether it
  /// is for the interface to hear; what is not is captured, and nobody is told.
  bool leave(const Delivery& delivery, const Mac& mac, Instant now);
  /// A delivery is lost, because the link is down or its MTU too small.
  void lose(const Delivery& delivery, const Link& link);
  /// Takes back the buffer of a delivery that was left or lost.
  void recycle(Delivery&& delivery) { spare_.push_back(std::move(delivery.bytes)); }

  Captures& captures() { return captures_; }
  Fabric& fabric() { return fabric_; }
  /// Whether a port's node sends to targets, or to initiators.
  Direction outward(PortIndex port) const { return nodes_[port].outward; }

 private:
  struct Armed {
    ArmedFault fault;
    Account* account;
  };

  /// What of a port's node matters here.
  struct PortNode {
    NodeIndex node = 0;
    Direction outward{};
  };

  /// Tells the listener, the watches and the observer of a frame that arrived.
  void tell(const Delivery& delivery, LedgerEntry& entry, Instant now);
  void tell_write(const Delivery& delivery, const LedgerEntry& entry) const;
  /// Takes a copy to a port, through the segment and the faults.
  void pass(LedgerEntry& entry, PortIndex to, Passing& passing, std::vector<Delivery>& out);
  void strike(LedgerEntry& entry, Passing& passing);
  void capture(PortIndex port, Instant now, Bytes frame);
  std::vector<std::uint8_t> buffer();

  Ledger& ledger_;
  LinkObserver& observer_;
  Captures captures_;
  Listener* listener_ = nullptr;
  WriteWatch write_watch_;
  TargetWatch target_watch_;
  const std::uint64_t seed_;
  Fabric fabric_;
  std::vector<PortNode> nodes_;  // by port
  const bool is_of_two_;
  std::vector<PortIndex> leaves_by_;
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
