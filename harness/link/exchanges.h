// Requests and their answers, as seen on the link at the initiator's side: which frame repeats
// which, what the retransmission timeout was, and whether the rules that hold for every run were
// kept.
//
// Judges frames alone and knows nothing of either end's state, so it judges anybody's. A
// retransmission may have a new tag (Linux) or the old one (iPXE): it is known by what it asks for.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/link/ledger.h"
#include "harness/link/rto_model.h"
#include "harness/scenario/scenario.h"
#include "proto/frame.h"

namespace aoe::harness {

/// A rule of `always` that was broken: how, and the frames that show it, the guilty one last.
struct Violation {
  Check check;
  std::string text;
  std::vector<FrameId> frames;
};

class Exchanges {
 public:
  /// `window`: the most requests that may be unanswered at one target address.
  Exchanges(Ledger& ledger, std::uint16_t window) : ledger_(ledger), window_(window) {}

  /// How far the time at which a frame is seen may be from the time at which it was sent; 0 unless
  /// told.
  void allow(Duration slack) { slack_ = slack; }

  /// A frame entered the link, a copy of it left the link. `entry` is its line of the ledger.
  void sent(LedgerEntry& entry, const Frame& frame);
  void delivered(const LedgerEntry& entry, const Frame& frame, Instant now);

  /// The initiator has given up on the device: what is unanswered stays so, answers that come all
  /// the same are no samples, and what comes after a return is measured anew.
  void abandon(Address address);

  /// What the frame, or the request that it answers, asks for. Of an ATA reply to no request that
  /// is known, no more than that it is one.
  Subject subject(const Frame& frame) const;

  const std::vector<Violation>& violations() const { return violations_; }
  std::uint64_t retransmissions() const { return retransmissions_; }

  /// Of the target that was asked last.
  Duration rto() const;
  Duration srtt() const;

  /// When a repetition of this request is due, at the earliest; nothing for a frame that is no
  /// request.
  std::optional<Instant> due(FrameId request) const;
  /// The request that a reply answers.
  std::optional<FrameId> request_of(FrameId reply) const;
  /// Requests that wait for an answer.
  std::size_t open() const { return open_.size(); }

 private:
  /// What a request asks for: the same in all its transmissions.
  struct Question {
    Address address;
    ata::Opcode opcode;
    std::uint64_t lba;
    std::uint8_t sectors;
    auto operator<=>(const Question&) const = default;
  };
  struct Transmission {
    Question question{};
    Mac target{};
    std::uint32_t tag = 0;
    Instant sent{};
    Duration rto{};
    unsigned attempt = 1;
    bool awaited = true;         // no answer has come, nor has it been given up
    std::uint64_t arrivals = 0;  // copies with this tag that reached the target,
    std::uint64_t answers = 0;   // and answers that it sent to them
  };

  void request_sent(LedgerEntry& entry, const Frame& frame, const AtaRequest& ata);
  void reply_sent(const LedgerEntry& entry, const Frame& frame);
  void reply_delivered(const Frame& frame, Instant now);
  void check_early(const LedgerEntry& entry, FrameId before);
  void check_tag(const LedgerEntry& entry, const Transmission& transmission);
  void check_window(const LedgerEntry& entry, const Transmission& transmission);
  /// "#17 (e1.1 READ lba 2+2 tag 8000a3c1)"
  std::string name(FrameId id) const;
  Transmission* by_tag(std::uint32_t tag);

  Ledger& ledger_;
  const std::uint16_t window_;
  Duration slack_{};
  std::unordered_map<FrameId, Transmission> transmissions_;
  std::unordered_map<std::uint32_t, FrameId> tags_;  // the latest transmission with a tag
  std::map<Question, FrameId> open_;              // the latest transmission of what is unanswered
  std::map<Mac, RtoModel> models_;                // by target address
  std::unordered_map<FrameId, FrameId> replies_;  // the request that each answers
  Mac last_target_{};
  std::uint64_t retransmissions_ = 0;
  std::vector<Violation> violations_;
};

}  // namespace aoe::harness
