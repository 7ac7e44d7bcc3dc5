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
    case Phase::careful: return heard_ ? top_ : low_;
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
  if (sectors >= least_doubted_) doubts_ = 0;
  if (phase_ == Phase::whole) return false;
  if (sectors <= low_) {
    heard_ = true;
    return false;
  }
  trying_ = false;
  if (phase_ == Phase::careful && sectors >= most_doubted_) {
    if (top_ == limit_) return become_whole();
    low_ = top_;
    losses_ = 0;
    phase_ = low_ < high_ ? Phase::searching : Phase::settled;
  }
  if (phase_ != Phase::careful && sectors >= most_lost_) return become_whole();
  low_ = std::max(low_, sectors);
  if (phase_ != Phase::searching) return false;
  losses_ = 0;
  if (low_ < high_) return false;
  phase_ = Phase::settled;
  return true;
}

bool PathPayload::lost(unsigned sectors, Instant sent, Instant now) {
  if (sectors <= small) return false;
  if (sectors <= size()) {
    doubt(sectors);
    return false;
  }
  if (!trying_ || sent != tried_) return false;
  trying_ = false;
  ++losses_;
  if (phase_ == Phase::careful) {
    most_doubted_ = std::max(most_doubted_, std::min(sectors, top_));
    if (losses_ < losses_to_shrink) return false;
    if (top_ == limit_) most_lost_ = most_doubted_;
    high_ = most_doubted_ - 1;
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

/// A command of a size that is said to pass was lost.
void PathPayload::doubt(unsigned sectors) {
  if (doubts_ == 0) least_doubted_ = sectors;
  if (doubts_ == 0 && phase_ != Phase::careful) most_doubted_ = 0;
  least_doubted_ = std::min(least_doubted_, sectors);
  most_doubted_ = std::max(most_doubted_, sectors);
  if (++doubts_ < losses_to_doubt) return;
  if (phase_ != Phase::careful) top_ = size();
  phase_ = Phase::careful;
  low_ = small;
  losses_ = doubts_ = 0;
  heard_ = false;
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
