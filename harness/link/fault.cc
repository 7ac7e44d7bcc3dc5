#include "harness/link/fault.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/fnv.h"
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
  Instant& free;  // of the frame's receiver

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
    case CountSpec::Relation::below: return value < condition.value;
  }
  AOE_CHECK(false && "a field without a relation");
}

/// Can a fault of that kind do anything to this frame?
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

/// A fault's own seed, from the run's and its name, the same on all machines.
std::uint64_t seed_of(std::uint64_t seed, std::string_view id) {
  return seed ^ fnv1a(id);
}

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

bool Fault::selects(const Passing& passing, Random& random) {
  const Selector& selector = spec_.selector;
  if (!selector.match.matches(passing.way, passing.subject, passing.tag, passing.bytes))
    return false;
  if (!is_during(passing.now) || !std::visit(CanStrike{passing.bytes}, spec_.kind)) return false;
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
  std::visit(Strike{passing, random, free_[{passing.way.segment, passing.way.to}]}, spec_.kind);
}

std::vector<Decision> Plan::missed() const {
  std::vector<Decision> missed;
  for (std::size_t i = 0; i < decisions_.size(); ++i) {
    if (!met_[i]) missed.push_back(decisions_[i]);
  }
  return missed;
}

std::size_t ArmedFault::Hash::operator()(const FrameKey& key) const {
  const Subject& subject = key.subject;
  std::uint64_t hash = subject.lba * 0x9e3779b97f4a7c15;
  const std::uint64_t rest = (key.nth << 32) ^ (std::uint64_t{subject.address.shelf} << 24) ^
                             (std::uint64_t{subject.address.slot} << 16) ^
                             (std::uint64_t{subject.sectors} << 8) ^
                             (static_cast<std::uint64_t>(subject.traffic) << 1) ^
                             static_cast<std::uint64_t>(key.direction) ^
                             (std::uint64_t{key.from} << 48) ^ (std::uint64_t{key.to} << 56);
  hash = (hash ^ (hash >> 29) ^ rest) * 0xbf58476d1ce4e5b9;
  return hash ^ (hash >> 32);
}

ArmedFault::ArmedFault(Fault fault, std::uint64_t seed, Plan* plan)
    : fault_(std::move(fault)), random_(seed_of(seed, fault_.id())), plan_(plan) {
  if (plan_ == nullptr) return;
  for (std::size_t i = 0; i < plan_->decisions_.size(); ++i) {
    const Decision& decision = plan_->decisions_[i];
    if (decision.fault == id()) planned_.emplace(decision.key, i);
  }
}

std::optional<Decision> ArmedFault::meet(Passing& passing) {
  FrameKey key{passing.way.direction, passing.subject, 0};
  if (passing.names_nodes) {
    key.from = passing.way.from;
    key.to = passing.way.to;
  }
  key.nth = ++met_[key];
  const Passing before = passing;
  passing.changed = false;  // by this fault
  const bool struck = plan_ != nullptr && !fault_.only_counts() ? follow(key, passing)
                                                                : fault_.meet(passing, random_);
  const bool changed = std::exchange(passing.changed, passing.changed || before.changed);
  if (!struck) return std::nullopt;
  return Decision{id(),
                  key,
                  {.dropped = passing.dropped,
                   .changed = changed,
                   .copies = passing.copies - before.copies,
                   .spread = passing.spread,
                   .delay = passing.delay - before.delay}};
}

bool ArmedFault::follow(const FrameKey& key, Passing& passing) {
  const auto planned = planned_.find(key);
  if (planned == planned_.end()) return false;
  plan_->met_[planned->second] = true;
  const Deed& deed = plan_->decisions_[planned->second].deed;
  passing.dropped |= deed.dropped;
  passing.copies += deed.copies;
  passing.spread = std::max(passing.spread, deed.spread);
  passing.delay += deed.delay;
  if (deed.changed) fault_.strike(passing, random_);
  return true;
}

}  // namespace aoe::harness
