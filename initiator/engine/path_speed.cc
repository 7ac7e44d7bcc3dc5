#include "initiator/engine/path_speed.h"

#include <algorithm>

#include "initiator/engine/rtt.h"

namespace aoe::initiator {
namespace {

constexpr int average_gain = 8;  // one part in so many
constexpr double loss_gain = 1.0 / 16;
constexpr double loss_weight = 8;         // a command that is lost costs so many round trips
constexpr double outstanding_scale = 64;  // so many outstanding commands count as one round trip
constexpr Duration average_min = std::chrono::microseconds(50);  // less is noise

}  // namespace

void PathSpeed::sent(Instant now) {
  if (outstanding_++ == 0) silent_since_ = now;
  sent_ = now;
}

void PathSpeed::answered(Duration round_trip, Instant now) {
  --outstanding_;
  silent_since_ = now;
  loss_ -= loss_ * loss_gain;
  if (round_trip == none) return;
  const Duration sample = std::max(round_trip, average_min);
  average_ = is_measured() ? average_ + (sample - average_) / average_gain : sample;
}

void PathSpeed::lost() {
  loss_ += (1 - loss_) * loss_gain;
}

void PathSpeed::forget() {
  average_ = Duration(0);
  loss_ = 0;
  sent_ = Instant::min();
}

double PathSpeed::expectation(Duration unmeasured, Instant now) const {
  const Duration usual = is_measured() ? average_ : std::max(unmeasured, average_min);
  const Duration round_trip = outstanding_ > 0 ? std::max(usual, now - silent_since_) : usual;
  const double answered = static_cast<double>(round_trip.count()) *
                          (1 + outstanding_ / outstanding_scale) * (1 + loss_weight * loss_);
  return answered + loss_ * loss_ * static_cast<double>(RttEstimator::timeout_min.count());
}

}  // namespace aoe::initiator
