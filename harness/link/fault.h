// A fault: what happens to frames between the two ends while it is armed.
//
// Its selector (language/selector.h) chooses the frames, in the same way for all kinds. What a kind
// does is in fault.cc, and what its keys mean in language/fault_spec.h. The same faults run in
// virtual time and on a real link, and decide the same from the same frames and random numbers.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/instant.h"
#include "harness/language/fault_spec.h"
#include "harness/language/selector.h"

namespace aoe::harness {

/// A frame on its way, as faults see it, and what they have decided so far.
struct Passing {
  Direction direction{};
  Subject subject{};                   // as it was sent
  std::optional<std::uint32_t> tag{};  // as it was sent; none where it is not AoE
  Bytes bytes{};                       // as it will arrive
  Instant now{};
  bool dropped = false;
  bool changed = false;
  unsigned copies = 1;
  Duration delay{};
  Duration spread{};  // of each copy behind the one before

  /// The frame's bytes, to be changed. They live in `room`, which the stage owns: it keeps its
  /// capacity from frame to frame.
  std::vector<std::uint8_t>& change();
  std::vector<std::uint8_t>* room = nullptr;
};

using Random = std::mt19937_64;

class Fault {
 public:
  explicit Fault(FaultSpec spec) : spec_(std::move(spec)) {}

  const std::string& id() const { return spec_.id; }
  /// Frames struck so far.
  std::uint64_t hits() const { return hits_; }

  /// The fault is armed. `at_work`: the I/Os that are, for a fault that waits for one of them.
  void arm(Instant now, const std::vector<std::string>& at_work);
  void io_began(const std::string& id) { io_at_work_ |= is_for(id); }
  void io_ended(const std::string& id) { io_at_work_ &= !is_for(id); }

  /// Strikes the frame if it is selected. Returns whether it did.
  bool meet(Passing& passing, Random& random);
  /// Does it leave all frames as they are? Then no plan mentions it.
  bool only_counts() const { return std::holds_alternative<CountSpec>(spec_.kind); }
  /// Does to the frame what the fault does, selected or not.
  void strike(Passing& passing, Random& random);

 private:
  /// Can the fault do anything to this frame?
  bool can_strike(const Passing& passing) const;
  bool is_for(const std::string& io) const {
    return spec_.selector.during && spec_.selector.during->io == io;
  }
  bool is_during(Instant now) const;
  bool selects(const Passing& passing, Random& random);

  const FaultSpec spec_;
  Instant armed_{};
  bool io_at_work_ = false;
  std::uint64_t matched_ = 0;
  std::uint64_t hits_ = 0;
  std::array<Instant, 2> free_{};  // rate: when the last frame of a direction has gone out
};

/// The fault of a spec; null for one that happens to an end, which is the world's to do.
std::unique_ptr<Fault> make_fault(const FaultSpec& spec);

}  // namespace aoe::harness
