#include "harness/link/rto_model.h"

#include <algorithm>

namespace aoe::harness {
namespace {

using std::chrono::milliseconds;

constexpr Duration rto_cold = milliseconds(1000);
constexpr Duration rto_least = milliseconds(100);
constexpr Duration rto_most = milliseconds(8000);

}  // namespace

void RtoModel::sample(Duration round_trip) {
  if (!warm_) {
    srtt_ = round_trip;
    rttvar_ = round_trip / 2;
    warm_ = true;
  } else {
    const Duration error = round_trip - srtt_;
    rttvar_ += ((error < Duration{} ? -error : error) - rttvar_) / 4;
    srtt_ += error / 8;
  }
}

Duration RtoModel::rto(unsigned attempt) const {
  const Duration first = warm_ ? std::max(rto_least, srtt_ + 4 * rttvar_) : rto_cold;
  const unsigned doublings =
      std::min(attempt - 1, 10U);  // by then beyond the most, whatever it was
  return std::min<Duration>(first * (1LL << doublings), rto_most);
}

}  // namespace aoe::harness
