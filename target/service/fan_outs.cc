#include "target/service/fan_outs.h"

#include <algorithm>
#include <utility>

namespace aoe::target {

bool FanOuts::add(FanOut request) {
  const bool has_one = std::ranges::any_of(waiting_, [&](const FanOut& other) {
    return other.source == request.source && other.port == request.port;
  });
  if (has_one || waiting_.size() >= size_max) return false;
  waiting_.push_back(std::move(request));
  return true;
}

void FanOuts::forget(const FramePort& port) {
  std::erase_if(waiting_, [&port](const FanOut& one) { return one.port == &port; });
}

}  // namespace aoe::target
