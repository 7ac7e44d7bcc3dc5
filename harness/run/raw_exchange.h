// Raw exchanges: the frames that a scenario spells field by field, and what comes back.
//
// Frames enter the link through the world as though one end had sent them, and meet its faults like
// all others. What bears the tag of one and goes the other way is its answer; neither is told to
// Exchanges, whose rules are for initiators that mean what they send.
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "harness/judge/answer_rules.h"
#include "harness/language/scenario.h"
#include "harness/link/rto_model.h"
#include "harness/world/world.h"

namespace aoe::harness {

/// What a frame takes from its surroundings where the scenario says nothing.
struct RawDefaults {
  Mac initiator;
  Answerer target;
  std::uint32_t tag = 0;
  bool disk_has_pattern = true;
  std::uint8_t sectors_most = 2;  // the target takes at once, as it said last
};

/// The frame's bytes, damaged as told.
std::vector<std::uint8_t> encode(const FrameSpec& spec, const RawDefaults& defaults);

class RawExchanges final : public FaultStage::Listener {
 public:
  struct Answer {
    FrameId id = 0;
    Instant at{};
    std::vector<std::uint8_t> bytes;
  };
  /// What a target says that it takes, in a config answer (AoEr11 §3.2).
  struct Counts {
    std::uint16_t buffers = 0;
    std::uint8_t sectors = 0;
  };
  struct Request {
    std::string id;
    std::vector<std::uint8_t> bytes;
    RawDefaults defaults;
    Direction direction{};
    PortIndex from = 0;
    FrameId first = 0;  // frame of the ledger,
    FrameId frame = 0;  // and the last copy
    Instant sent{};
    std::vector<Answer> answers{};  // that have arrived
    /// Tags of the copies that have no answer yet, where each copy has its own.
    std::set<std::uint32_t> unanswered{};

    /// Where each copy has a tag of its own: has each an answer?
    bool all_answered() const { return unanswered.empty(); }
  };

  /// The tag of the first frame where no other program asks. Below all tags of our initiator, which
  /// has bit 31 set, and not near where Linux's begin.
  static constexpr std::uint32_t usual_first_tag = 0x5c00'0001;

  /// Listens at the world's fault stage as long as it lives: from its first frame on, or at once
  /// where the scenario awaits an announcement.
  RawExchanges(const Scenario& scenario, World& world, std::uint32_t first_tag = usual_first_tag);
  RawExchanges(const RawExchanges&) = delete;
  RawExchanges& operator=(const RawExchanges&) = delete;
  ~RawExchanges();

  const Request& send(const FrameSpec& spec);
  /// Sends the frame that was sent last once more, from that address, with a tag of its own.
  void send_from(const FrameSpec& spec, const Mac& source);
  /// Sends the last request's frame again, as it is.
  void send_again();
  /// Nothing was sent before this one.
  bool is_first(const Request& request) const { return &request == &requests_.front(); }
  /// The one of that name; the last one, for none.
  const Request& find(const std::string& id) const;
  /// As the target's last config answer to one of these has it; nothing: there was none.
  std::optional<Counts> counts() const;
  /// Config answers that nobody asked for, since then.
  std::vector<Answer> announcements(Instant since) const;
  /// How long to listen until silence is an answer: the timeout that RFC 6298 makes of the round
  /// trips of all exchanges here; `otherwise` where there was none.
  Duration silence(Duration otherwise) const;

 private:
  bool entered(LedgerEntry& entry, Bytes frame, Instant now) override;
  bool left(const Delivery& delivery, Instant now) override;
  /// The ports of the initiator and of the target that the frame passes between.
  std::pair<PortIndex, PortIndex> ports_of(const FrameSpec& spec) const;
  /// The request that has the frame's tag.
  Request* with_tag_of(Bytes frame);

  const Scenario& scenario_;
  World& world_;
  std::deque<Request> requests_;                        // references stay good
  std::unordered_map<std::uint32_t, Request*> by_tag_;  // the latest
  std::vector<Answer> announcements_;
  bool listens_ = false;
  Request* sending_ = nullptr;
  std::uint32_t next_tag_;
  bool answered_ = false;
  RtoModel round_trips_;
};

}  // namespace aoe::harness
