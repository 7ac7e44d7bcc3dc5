// Ends of the sim world that do what a capture shows, so that a scenario can be judged by it: a
// target that gives the captured replies, an initiator that sends the captured requests; and a
// witness that changes nothing and keeps what our own target answers.
//
// Each stands where a mutant does (world/mutant.h).
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "harness/world/mutant.h"

namespace aoe::harness {

using FrameBytesList = std::vector<std::vector<std::uint8_t>>;

/// A request as a scenario sends it, and what comes back.
struct AnsweredRequest {
  std::vector<std::uint8_t> request;
  FrameBytesList replies{};
};

/// Gives these requests the captured replies, in the order of the list; to others the target behind
/// it answers. Where there is an announcement, it takes the place of the target's.
class CapturedTarget final : public Mutant {
 public:
  CapturedTarget(Sides& sides, std::vector<AnsweredRequest> requests,
                 std::vector<std::uint8_t> announcement)
      : Mutant(sides), requests_(std::move(requests)), announcement_(std::move(announcement)) {}

  void arrived(Bytes frame) override;
  void sent(Bytes frame) override;

 private:
  std::vector<AnsweredRequest> requests_;
  std::vector<std::uint8_t> announcement_;  // empty: none
  std::size_t next_ = 0;
  std::vector<std::uint32_t> tags_;  // of requests that the target got
};

/// Sends the captured requests at once, beside what the initiator behind it sends: with its first
/// ATA request, when the target has said what it takes and no read or write is on its way that asks
/// the same; or where `is_early` is true with its first frame.
class CapturedInitiator final : public Mutant {
 public:
  CapturedInitiator(Sides& sides, FrameBytesList requests, bool is_early)
      : Mutant(sides), requests_(std::move(requests)), is_early_(is_early) {}

  void sent(Bytes frame) override;

 private:
  FrameBytesList requests_;
  const bool is_early_;
};

/// What a target of ours sends.
struct Testimony {
  FrameBytesList answers;
  std::size_t before_last = 0;  // of them, before the last request arrived
};

/// Fills in a Testimony, which outlives it.
class Witness final : public Mutant {
 public:
  Witness(Sides& sides, Testimony& testimony) : Mutant(sides), testimony_(testimony) {}

  void arrived(Bytes frame) override {
    testimony_.before_last = testimony_.answers.size();
    Mutant::arrived(frame);
  }
  void sent(Bytes frame) override {
    testimony_.answers.emplace_back(frame.begin(), frame.end());
    Mutant::sent(frame);
  }

 private:
  Testimony& testimony_;
};

}  // namespace aoe::harness
