#include "initiator/engine/discovery_schedule.h"

#include <algorithm>

namespace aoe::initiator {

void DiscoverySchedule::begin(const Search& search, Instant now) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.search == search; });
  if (entries_.size() >= searches_max) entries_.erase(entries_.begin());
  entries_.push_back({search, now + first_wait});
}

void DiscoverySchedule::answered(PortId port, Address from) {
  std::erase_if(entries_, [&](const Entry& entry) {
    return entry.search.port ? entry.search.port == port : entry.search.whom == from;
  });
}

void DiscoverySchedule::remove(PortId port) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.search.port == port; });
}

Instant DiscoverySchedule::deadline() const {
  Instant earliest = never;
  for (const Entry& entry : entries_) earliest = std::min(earliest, entry.due);
  return earliest;
}

std::optional<DiscoverySchedule::Search> DiscoverySchedule::take_due(Instant now) {
  const auto due =
      std::ranges::find_if(entries_, [&](const Entry& entry) { return now >= entry.due; });
  if (due == entries_.end()) return std::nullopt;
  const Search search = due->search;
  if (due->sent == repeats) {
    entries_.erase(due);
  } else {
    due->due = now + first_wait * (1 << due->sent);
    ++due->sent;
  }
  return search;
}

}  // namespace aoe::initiator
