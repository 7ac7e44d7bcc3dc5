// The limits of clients, by their addresses, and what each of them has used.
//
// Owned by Service, which asks for the limiter of each request's client while there are limits. Each
// worker counts by itself. Bounded, for addresses can be forged: clients beyond `size_max` that have
// no limits of their own share those of one.
#pragma once

#include <cstddef>
#include <map>

#include "base/instant.h"
#include "proto/address.h"
#include "target/service/rate_limit.h"

namespace aoe::target {

struct ClientLimits {
  RateLimits everyone;              // of each client that is not named
  std::map<Mac, RateLimits> named;  // one without limits is free of those of `everyone`, too

  bool empty() const { return !everyone && named.empty(); }
  bool operator==(const ClientLimits&) const = default;
};

class ClientLimiters {
 public:
  static constexpr std::size_t size_max = 4096;

  /// Replaces the limits. Clients whose limits stay keep what they have used.
  void set(const ClientLimits& limits);
  bool empty() const { return limits_.empty(); }

  /// Returns the limiter of a client, or null where it has no limits. Valid until the next call.
  RateLimiter* find(Mac client, Instant now);

 private:
  const RateLimits& limits_of(Mac client) const;
  void forget_idle(Instant now);

  ClientLimits limits_;
  std::map<Mac, RateLimiter> used_;
  RateLimiter others_;  // those that `used_` has no room for
  Instant looked_{};    // for idle ones
};

}  // namespace aoe::target
