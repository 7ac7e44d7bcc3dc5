#include "harness/link/armed_fault.h"

#include <algorithm>
#include <string_view>

namespace aoe::harness {
namespace {

/// A fault's own seed, from the run's and its name (FNV-1a, which is the same on all machines).
std::uint64_t seed_of(std::uint64_t seed, std::string_view id) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : id) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
  return seed ^ hash;
}

/// What one fault did to a frame.
Deed deed_between(const Passing& before, const Passing& after) {
  return {.dropped = after.dropped,
          .changed = after.changed,
          .copies = after.copies - before.copies,
          .spread = after.spread,
          .delay = after.delay - before.delay};
}

}  // namespace

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
                             static_cast<std::uint64_t>(key.direction);
  hash = (hash ^ (hash >> 29) ^ rest) * 0xbf58476d1ce4e5b9;
  return hash ^ (hash >> 32);
}

ArmedFault::ArmedFault(std::unique_ptr<Fault> fault, std::uint64_t seed, Plan* plan)
    : fault_(std::move(fault)), random_(seed_of(seed, fault_->id())), plan_(plan) {
  if (plan_ == nullptr) return;
  for (std::size_t i = 0; i < plan_->decisions_.size(); ++i) {
    const Decision& decision = plan_->decisions_[i];
    if (decision.fault == id()) planned_.emplace(decision.key, i);
  }
}

std::optional<Decision> ArmedFault::meet(Passing& passing) {
  FrameKey key{passing.direction, passing.subject, 0};
  key.nth = ++met_[key];
  const Passing before = passing;
  passing.changed = false;  // by this fault
  const bool struck = plan_ != nullptr && !fault_->only_counts() ? follow(key, passing)
                                                                 : fault_->meet(passing, random_);
  const Deed deed = deed_between(before, passing);
  passing.changed |= before.changed;
  if (!struck) return std::nullopt;
  return Decision{id(), key, deed};
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
  if (deed.changed) fault_->strike(passing, random_);
  return true;
}

}  // namespace aoe::harness
