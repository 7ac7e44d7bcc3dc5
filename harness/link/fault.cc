#include "harness/link/fault.h"

#include <algorithm>

#include "base/check.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

bool has_fields(const CorruptSpec& spec, Bytes frame) {
  return std::ranges::all_of(spec.changes, [&](const CorruptSpec::Change& change) {
    return layout::has(change.field, frame);
  });
}

/// What each kind does to a frame.
struct Strike {
  Passing& passing;
  Random& random;
  Instant& free;  // of the frame's direction

  void operator()(const DropSpec&) const { passing.dropped = true; }
  /// The same to the frame; a kind of its own, so that a ledger tells a cut link from a lossy one.
  void operator()(const PartitionSpec&) const { passing.dropped = true; }
  void operator()(const ReorderSpec& reorder) const { passing.delay += reorder.by; }
  void operator()(const DuplicateSpec& duplicate) const {
    passing.copies += duplicate.copies;
    passing.spread = std::max(passing.spread, duplicate.spread);
  }
  void operator()(const DelaySpec& delay) const {
    passing.delay += delay.by;
    if (delay.jitter == Duration{}) return;
    const auto values = static_cast<std::uint64_t>(delay.jitter.count()) + 1;
    passing.delay += Duration(static_cast<Duration::rep>(random() % values));
  }
  void operator()(const TruncateSpec& truncate) const {
    if (passing.bytes.size() <= truncate.to) return;
    passing.bytes = passing.bytes.first(truncate.to);
    passing.changed = true;
  }
  void operator()(const RateSpec& rate) const {
    const auto time_of = [&](std::uint64_t bytes) {
      return Duration(static_cast<Duration::rep>(8e9 * static_cast<double>(bytes) /
                                                 static_cast<double>(rate.bits_per_second)));
    };
    free = std::max(free, passing.now);
    if (free - passing.now > time_of(rate.queue)) {
      passing.dropped = true;
      return;
    }
    free += time_of(passing.bytes.size() * passing.copies);
    passing.delay += free - passing.now;
  }
  void operator()(const CorruptSpec& spec) const {
    if (!has_fields(spec, passing.bytes)) return;  // a plan may be another world's
    std::vector<std::uint8_t>& bytes = passing.change();
    for (const auto& [field, value, invert] : spec.changes) {
      layout::set(field, bytes, invert ? layout::get(field, bytes) ^ value : value);
    }
    passing.bytes = bytes;
  }
  template <class CountOrEnd>
  void operator()(const CountOrEnd&) const {}
};

bool holds(const CountSpec::Condition& condition, Bytes frame) {
  if (!layout::has(condition.field, frame)) return false;
  const std::uint64_t value = layout::get(condition.field, frame);
  switch (condition.relation) {
    case CountSpec::Relation::has: return value == condition.value;
    case CountSpec::Relation::lacks: return value != condition.value;
    case CountSpec::Relation::above: return value > condition.value;
  }
  AOE_CHECK(false && "a field without a relation");
}

struct CanStrike {
  Bytes frame;

  bool operator()(const TruncateSpec& truncate) const { return frame.size() > truncate.to; }
  bool operator()(const CorruptSpec& corrupt) const { return has_fields(corrupt, frame); }
  bool operator()(const CountSpec& count) const {
    if (count.shorter && frame.size() >= *count.shorter) return false;
    return std::ranges::all_of(count.conditions, [&](const CountSpec::Condition& condition) {
      return holds(condition, frame);
    });
  }
  template <class Other>
  bool operator()(const Other&) const {
    return true;
  }
};

}  // namespace

std::vector<std::uint8_t>& Passing::change() {
  AOE_CHECK(room != nullptr);
  changed = true;
  if (bytes.data() != room->data()) room->assign(bytes.begin(), bytes.end());
  return *room;
}

void Fault::arm(Instant now, const std::vector<std::string>& at_work) {
  armed_ = now;
  io_at_work_ = std::ranges::any_of(at_work, [this](const auto& io) { return is_for(io); });
}

bool Fault::is_during(Instant now) const {
  const auto& during = spec_.selector.during;
  if (!during) return true;
  if (!during->io.empty()) return io_at_work_;
  const Duration since = now - armed_;
  return since >= during->from && since < during->until;
}

bool Fault::can_strike(const Passing& passing) const {
  return std::visit(CanStrike{passing.bytes}, spec_.kind);
}

bool Fault::selects(const Passing& passing, Random& random) {
  const Selector& selector = spec_.selector;
  if (!selector.match.matches(passing.direction, passing.subject, passing.tag, passing.bytes))
    return false;
  if (!is_during(passing.now) || !can_strike(passing)) return false;
  ++matched_;
  if (selector.nth) return matched_ == *selector.nth;
  if (selector.every) return matched_ % *selector.every == 0;
  if (selector.probability) {
    constexpr double range = 1.0 / static_cast<double>(1ULL << 53);
    return static_cast<double>(random() >> 11) * range < *selector.probability;
  }
  return true;
}

bool Fault::meet(Passing& passing, Random& random) {
  if (!selects(passing, random)) return false;
  ++hits_;
  strike(passing, random);
  return true;
}

void Fault::strike(Passing& passing, Random& random) {
  std::visit(Strike{passing, random, free_[static_cast<std::size_t>(passing.direction)]},
             spec_.kind);
}

std::unique_ptr<Fault> make_fault(const FaultSpec& spec) {
  return spec.strikes_frames() ? std::make_unique<Fault>(spec) : nullptr;
}

}  // namespace aoe::harness
