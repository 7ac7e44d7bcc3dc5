// What `ctl top` shows: what LUNs, interfaces and clients do in a second, from two looks at their counters.
//
// A function of two pairs of replies; control_client.h asks for these, and shows the text.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "base/instant.h"

namespace aoe::target {

/// The replies of a target to stats and to clients, and when they came.
struct TopSample {
  Instant time{};
  std::string stats;
  std::string clients;
};

/// Clients that are shown: those with the most requests.
inline constexpr std::size_t top_clients_max = 15;

/// Returns tables of what was done between two samples, for a second of it; with `json` the same as one line of
/// JSON. Error: that of a reply.
tl::expected<std::string, std::string> top_text(const TopSample& before, const TopSample& now,
                                                bool json);

}  // namespace aoe::target
