// When a discovery is sent again because nothing has answered it: a switch that has just come up
// forwards nothing for a while, and a query may be lost.
//
// A search is for all targets on a port that came up, or for one device on every port. It is repeated
// 1, 2, 4 and 8 s after the query before, until something it asks for answers. Bounded by the ports
// and by searches_max. Owned by the engine. Reads no clock.
#pragma once

#include <optional>
#include <vector>

#include "base/instant.h"
#include "initiator/engine/actions.h"

namespace aoe::initiator {

class DiscoverySchedule {
 public:
  static constexpr Duration first_wait = std::chrono::seconds(1);
  static constexpr unsigned repeats = 4;
  static constexpr std::size_t searches_max = 256;

  /// A query was sent for all targets on `port`, or for `whom` on all ports. It replaces an earlier
  /// search for the same.
  void asked(PortId port, Instant now) { begin({port, Address::everyone()}, now); }
  void asked(Address whom, Instant now) { begin({std::nullopt, whom}, now); }
  /// A config answer came.
  void answered(PortId port, Address from);
  /// Ends the search on a port that is not used any more.
  void remove(PortId port);

  struct Search {
    std::optional<PortId> port;  // nothing: every port
    Address whom{};

    bool operator==(const Search&) const = default;
  };
  /// When take_due() has something, at the earliest.
  Instant deadline() const;
  /// Returns a search whose query is to be sent again now, if there is one.
  std::optional<Search> take_due(Instant now);

 private:
  struct Entry {
    Search search;
    Instant due;
    unsigned sent = 1;  // queries
  };

  void begin(const Search& search, Instant now);

  std::vector<Entry> entries_;
};

}  // namespace aoe::initiator
