// What is on its way in a play in virtual time: it arrives in the order of its times, and what arrives at
// one time in the order in which it was sent.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "base/instant.h"

namespace aoe::initiator {

template <class What>
class Flights {
 public:
  /// Sends something that arrives then.
  void send(Instant arrival, What what) { flights_.emplace(arrival, std::move(what)); }

  bool empty() const { return flights_.empty(); }
  /// Returns when the next of them arrives; `never` while there is none.
  Instant arrival() const { return empty() ? never : flights_.begin()->first; }
  /// Returns the next that has arrived by `now`, which is not on its way any more.
  std::optional<What> land(Instant now) {
    if (arrival() > now) return std::nullopt;
    return std::move(flights_.extract(flights_.begin()).mapped());
  }

 private:
  std::multimap<Instant, What> flights_;
};

}  // namespace aoe::initiator
