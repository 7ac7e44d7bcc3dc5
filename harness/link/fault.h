// Faults: what may happen to a frame between the two ends, each a small class in faults/.
//
// A fault is asked about every frame that passes while it is armed, and says what becomes of it.
// Which frames it strikes is the selector's affair (selector.h), the same for all faults.
//
// The same faults run in virtual time and on a real link, and decide the same from the same frames.
#pragma once

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

  /// The frame's bytes as its own, to be changed. They live in `room`, which is the stage's
  /// and keeps its capacity from frame to frame.
  std::vector<std::uint8_t>& change();
  std::vector<std::uint8_t>* room = nullptr;
};

using Random = std::mt19937_64;

class Fault {
 public:
  Fault(std::string id, const Selector& selector) : id_(std::move(id)), selector_(selector) {}
  Fault(const Fault&) = delete;
  Fault& operator=(const Fault&) = delete;
  virtual ~Fault() = default;

  const std::string& id() const { return id_; }
  /// Frames struck so far.
  std::uint64_t hits() const { return hits_; }

  /// From now on; of the I/Os at work, one may be what it waits for.
  void arm(Instant now, const std::vector<std::string>& at_work);
  void io_began(const std::string& id) { io_at_work_ |= is_for(id); }
  void io_ended(const std::string& id) { io_at_work_ &= !is_for(id); }

  /// Strikes the frame if it is selected. Returns whether it did.
  bool meet(Passing& passing, Random& random);
  /// Does it leave all frames as they are? Then no plan says anything of it.
  virtual bool only_counts() const { return false; }
  /// The fault's own deed, whoever selected the frame.
  virtual void strike(Passing& passing, Random& random) = 0;

 private:
  /// Is this a frame that the fault can do anything to?
  virtual bool can_strike(const Passing&) const { return true; }
  bool is_for(const std::string& io) const {
    return selector_.during && selector_.during->io == io;
  }
  bool is_during(Instant now) const;
  bool selects(const Passing& passing, Random& random);

  const std::string id_;
  const Selector selector_;
  Instant armed_{};
  bool io_at_work_ = false;
  std::uint64_t matched_ = 0;
  std::uint64_t hits_ = 0;
};

/// The fault of a spec; null for what happens to an end and not to frames.
std::unique_ptr<Fault> make_fault(const FaultSpec& spec);

}  // namespace aoe::harness
