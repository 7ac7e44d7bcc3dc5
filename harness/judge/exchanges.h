// Requests and their answers, as seen on the link at the initiator's side: which frame repeats
// which, what the retransmission timeout was, and whether the rules that hold for every run were
// kept, by either end.
//
// Judges frames alone and knows nothing of either end's state, so it judges anybody's. A
// retransmission may have a new tag (Linux) or the old one (iPXE): it is known by what it asks for.
// What it finds out of a frame is noted in its ledger entry. Remembers requests that wait for an
// answer and the last thousand that don't; what is older is looked up in the ledger, where it
// matters at all. Allocates nothing per frame.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/judge/finding.h"
#include "harness/language/rules.h"
#include "harness/link/flat_map.h"
#include "harness/link/ledger.h"
#include "harness/link/link_observer.h"
#include "harness/link/rto_model.h"

namespace aoe::harness {

class Exchanges final : public LinkObserver {
 public:
  /// Findings of a check beyond these are only counted.
  static constexpr std::size_t findings_kept = 100;

  /// `window`: the most requests that may be unanswered at one remote target, as long as no config
  /// answer from there has told its Buffer Count; `most`: and whatever that is.
  Exchanges(Ledger& ledger, std::uint16_t window,
            RtoModel::Profile profile = RtoModel::Profile::rfc6298, std::uint16_t most = UINT16_MAX)
      : ledger_(ledger), window_(std::min(window, most)), most_(most), profile_(profile) {}

  /// How far the time at which a frame is seen may be from the time at which it was sent; 0 unless
  /// told.
  void allow(Duration slack) { slack_ = slack; }

  void sent(LedgerEntry& entry, Bytes bytes, const Frame& frame) override;
  void delivered(LedgerEntry& entry, Instant now) override;
  void delivered_config(const Frame& frame, Instant now) override;
  void delivered_altered(Direction direction, const Frame& frame, Instant now) override;
  Subject subject(const LedgerEntry& entry) const override;

  /// The initiator has given up on the device: what is unanswered stays so, answers that come all
  /// the same are no samples, and what comes after a return is measured anew.
  void abandon(Address address);
  /// The initiator's port went away, or came back as another: what is unanswered may be sent again
  /// at once, and until then waits for nothing.
  void port_changed(Instant now);

  /// The checks that were broken, in order: the first findings_kept of each check.
  const std::vector<Finding>& findings() const { return findings_; }
  /// How often a check was broken, kept or not.
  std::uint64_t count(Check check) const { return counts_[static_cast<std::size_t>(check)]; }
  std::uint64_t retransmissions() const { return retransmissions_; }

  /// Of the target that was asked last.
  Duration rto() const;
  Duration srtt() const;

  /// When a repetition of this request is due, at the earliest; nothing for a frame that is no
  /// request.
  std::optional<Instant> due(FrameId request) const;
  /// The request that a reply answers.
  std::optional<FrameId> request_of(FrameId reply) const { return ledger_[reply].answers; }
  /// Requests that wait for an answer.
  std::size_t open() const { return open_.size(); }
  std::uint16_t window() const { return window_; }

 private:
  /// What a request asks for: the same in all its transmissions.
  struct Question {
    Address address;
    ata::Opcode opcode;
    std::uint8_t sectors;
    std::uint64_t lba;
    bool operator==(const Question&) const = default;
  };
  struct QuestionHash {
    std::size_t operator()(const Question& question) const;
  };
  struct TagHash {
    std::size_t operator()(std::uint32_t tag) const { return mixed(tag); }
  };
  /// A transmission's place among those remembered.
  using Slot = std::uint32_t;
  struct Transmission {
    Question question{};
    FrameId id = 0;
    std::uint32_t tag = 0;
    std::uint16_t remote = 0;
    Mac source{};
    unsigned attempt = 1;
    bool awaited = true;         // no answer has come, nor has it been given up
    bool takes_room = true;      // of its target's; no more once its port has gone
    std::uint32_t arrivals = 0;  // copies with this tag that reached the target,
    std::uint32_t answers = 0;   // and answers that it sent to them
  };
  /// Where requests were sent: a device at a MAC address. Of two devices at one address each has
  /// its own buffers (§3.2), and its own pace.
  struct Remote {
    Mac mac;
    Address address;
    RtoModel model;
    std::uint32_t open = 0;  // requests whose latest transmission takes room there
    // What its config answers told the initiator: the last one at `told`, and the one before, which
    // counts until the last one is known for sure.
    std::optional<std::uint16_t> buffers{};
    std::optional<std::uint16_t> buffers_before{};
    Instant told{};
  };

  void request_sent(LedgerEntry& entry, const Frame& frame);
  void reply_sent(LedgerEntry& entry, const Frame& frame);
  void answered(std::uint32_t tag, LedgerEntry* reply, Instant now);
  /// A question is open from its first transmission to its answer.
  void open(const Question& question, Slot slot);
  void close(const Question& question);
  void give_room(Slot slot);
  /// How many may be unanswered there now.
  std::uint16_t window_of(const Remote& remote, Instant now) const;
  /// Is it an answer that the initiator can take for one to this request?
  static bool is_answer(const Frame& frame, const Transmission& request);

  Slot remember(const Transmission& transmission);
  void forget(Slot slot);
  Transmission* by_tag(std::uint32_t tag);
  std::uint16_t remote(const Mac& mac, Address address);
  /// The latest request with the tag among those that are not remembered any more.
  std::optional<FrameId> find_forgotten(std::uint32_t tag) const;

  void check_early(const LedgerEntry& entry, const Transmission& before);
  bool is_early(const LedgerEntry& entry, const Transmission& before) const;
  /// When the first answer to a request that was sent after this one arrived.
  const LedgerEntry* overtaken_by(const LedgerEntry& request, FrameId end) const;
  void check_tag(const LedgerEntry& entry, const Transmission& transmission);
  /// `before`: where the request was sent last, if it is repeated.
  void check_window(const LedgerEntry& entry, std::uint16_t remote,
                    std::optional<std::uint16_t> before);
  void close_divided(std::uint16_t remote);
  void check_answer(LedgerEntry& entry, FrameId request, std::uint64_t answers,
                    std::uint64_t arrivals);
  void check_answerer(const LedgerEntry& entry, const Frame& frame, const Transmission& request);

  /// Counts a finding, and keeps it if it is one of the first.
  void report(Check check, std::string actual, std::vector<FrameId> frames);
  /// "#17 (e1.1 READ lba 2+2 tag 8000a3c1)"
  std::string name(FrameId id) const;

  Ledger& ledger_;
  const std::uint16_t window_;
  const std::uint16_t most_;
  const RtoModel::Profile profile_;
  Duration slack_{};
  Instant port_changed_ = Instant::min();
  std::vector<Transmission> transmissions_;     // by Slot
  Slot next_ = 0;                               // where the next one may be forgotten
  FlatMap<std::uint32_t, Slot, TagHash> tags_;  // the latest transmission with a tag
  FlatMap<Question, Slot, QuestionHash> open_;  // the latest transmission of what is unanswered
  std::vector<Remote> remotes_;
  std::uint16_t last_remote_ = 0;
  std::vector<std::uint32_t> excused_tags_;  // that a fault has made up
  std::uint64_t retransmissions_ = 0;
  std::vector<Finding> findings_;
  std::array<std::uint64_t, check_count> counts_{};
};

}  // namespace aoe::harness
