#include "harness/link/rto_model.h"

#include <algorithm>

namespace aoe::harness {
namespace {

using std::chrono::milliseconds;

constexpr Duration rto_cold = milliseconds(1000);
constexpr Duration rto_least = milliseconds(100);
constexpr Duration reordering_least = milliseconds(1);

constexpr Duration linux_average = milliseconds(250);
constexpr Duration linux_deviation = milliseconds(2000);

template <class Memories, class Measure>
Duration least(const Memories& memories, const Measure& measure) {
  Duration found = Duration::max();
  for (const auto& memory : memories) found = std::min(found, measure(memory));
  return found;
}

}  // namespace

RtoModel::RtoModel(Profile profile) : linux_driver_(profile == Profile::linux_driver) {
  if (!linux_driver_) return;
  warm_ = true;
  srtt_ = linux_average;
  rttvar_ = linux_deviation;
}

void RtoModel::sample(Duration round_trip) {
  if (!warm_) {
    srtt_ = round_trip;
    rttvar_ = round_trip / 2;
    warm_ = true;
    return;
  }
  const Duration error = round_trip - srtt_;
  const Duration distance = error < Duration{} ? -error : error;
  rttvar_ += (distance - rttvar_) / (linux_driver_ ? 8 : 4);
  srtt_ += error / (linux_driver_ ? 256 : 8);
}

Duration RtoModel::rto(unsigned attempt) const {
  if (linux_driver_) return 2 * srtt_ + 8 * rttvar_;
  const Duration first = warm_ ? std::max(rto_least, srtt_ + 4 * rttvar_) : rto_cold;
  const unsigned doublings = std::min(attempt - 1, 10U);  // 100 ms are beyond the most by then
  return std::min<Duration>(first * (1LL << doublings), most);
}

Duration RtoModel::flush_rto(unsigned attempt) const {
  return linux_driver_ ? rto(attempt) : std::max(rto(attempt), flush_least);
}

Duration RtoModel::reordering_wait(unsigned attempt) const {
  if (linux_driver_) return Duration::max();
  const unsigned eightfolds = std::min(attempt - 1, 5U);
  return std::max(srtt_ / 4, reordering_least) * (1LL << 3 * eightfolds);
}

void RtoBound::may_forget(Instant now) {
  if (memories_.size() == most) memories_.pop_back();
  memories_.push_back({RtoModel(profile_), now});
}

void RtoBound::sample(Instant sent, Duration round_trip) {
  for (Memory& memory : memories_) {
    if (sent > memory.since) memory.model.sample(round_trip);
  }
}

Duration RtoBound::rto(unsigned attempt) const {
  return least(memories_, [&](const Memory& memory) { return memory.model.rto(attempt); });
}

Duration RtoBound::flush_rto(unsigned attempt) const {
  return least(memories_, [&](const Memory& memory) { return memory.model.flush_rto(attempt); });
}

Duration RtoBound::reordering_wait(unsigned attempt) const {
  return least(memories_,
               [&](const Memory& memory) { return memory.model.reordering_wait(attempt); });
}

}  // namespace aoe::harness
