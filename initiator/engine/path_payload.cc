#include "initiator/engine/path_payload.h"

#include <algorithm>

namespace aoe::initiator {

void PathPayload::set_limit(unsigned sectors) {
  if (sectors == limit_) return;
  *this = {};
  limit_ = sectors;
}

unsigned PathPayload::next(Instant now) const {
  if (trying_ && now < tried_ + try_max) return size();
  switch (phase_) {
    case Phase::whole: return limit_;
    case Phase::careful: return heard_ ? limit_ : low_;
    case Phase::searching: return (low_ + high_ + 1) / 2;
    case Phase::settled: return now >= next_try_ ? limit_ : low_;
  }
  return size();
}

void PathPayload::sent(unsigned sectors, Instant now) {
  if (!is_try(sectors)) return;
  trying_ = true;
  heard_ = false;
  tried_ = now;
}

bool PathPayload::answered(unsigned sectors) {
  if (phase_ == Phase::whole) {
    if (sectors >= least_lost_) losses_ = 0;
    return false;
  }
  if (sectors <= low_) {
    heard_ = true;
    return false;
  }
  trying_ = false;
  if (sectors >= most_lost_) return become_whole();
  low_ = std::max(low_, sectors);
  if (phase_ != Phase::searching) return false;
  losses_ = 0;
  if (low_ < high_) return false;
  phase_ = Phase::settled;
  return true;
}

bool PathPayload::lost(unsigned sectors, Instant sent, Instant now) {
  if (sectors <= small) return false;
  if (phase_ == Phase::whole) {
    if (losses_ == 0) least_lost_ = most_lost_ = sectors;
    least_lost_ = std::min(least_lost_, sectors);
    most_lost_ = std::max(most_lost_, sectors);
    if (++losses_ < losses_to_doubt) return false;
    phase_ = Phase::careful;
    low_ = small;
    losses_ = 0;
    heard_ = false;
    return false;
  }
  if (!trying_ || sent != tried_ || sectors <= low_) return false;
  trying_ = false;
  ++losses_;
  if (phase_ == Phase::careful) {
    most_lost_ = std::max(most_lost_, sectors);
    if (losses_ < losses_to_shrink) return false;
    high_ = most_lost_ - 1;
    search(now);
    return true;
  }
  if (phase_ == Phase::searching) {
    if (losses_ < losses_to_search) return false;
    high_ = sectors - 1;
    search(now);
    return phase_ == Phase::settled && low_ > small;
  }
  interval_ = std::min(2 * interval_, interval_max);
  next_try_ = now + interval_;
  return false;
}

bool PathPayload::become_whole() {
  const bool reported = phase_ != Phase::careful;
  const unsigned limit = limit_;
  *this = {};
  limit_ = limit;
  return reported;
}

void PathPayload::search(Instant now) {
  losses_ = 0;
  next_try_ = now + interval_;
  phase_ = low_ < high_ ? Phase::searching : Phase::settled;
}

}  // namespace aoe::initiator
