#include "target/service/client_limits.h"

#include <chrono>

namespace aoe::target {
namespace {

/// Full, the table is searched for idle clients this often.
constexpr std::chrono::milliseconds search_interval{100};

}  // namespace

void ClientLimiters::set(const ClientLimits& limits) {
  limits_ = limits;
  std::erase_if(used_,
                [this](const auto& used) { return used.second.limits() != limits_of(used.first); });
  if (others_.limits() != limits_.everyone) others_ = RateLimiter(limits_.everyone);
}

RateLimiter* ClientLimiters::find(Mac client, Instant now) {
  if (const auto found = used_.find(client); found != used_.end()) return &found->second;
  const RateLimits& limits = limits_of(client);
  if (!limits) return nullptr;
  if (used_.size() >= size_max) forget_idle(now);
  if (used_.size() >= size_max && !limits_.named.contains(client)) return &others_;
  return &used_.emplace(client, limits).first->second;
}

const RateLimits& ClientLimiters::limits_of(Mac client) const {
  const auto found = limits_.named.find(client);
  return found == limits_.named.end() ? limits_.everyone : found->second;
}

void ClientLimiters::forget_idle(Instant now) {
  if (now - looked_ < search_interval) return;
  looked_ = now;
  std::erase_if(used_, [now](const auto& used) { return used.second.is_idle(now); });
}

}  // namespace aoe::target
