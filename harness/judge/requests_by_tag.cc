#include "harness/judge/requests_by_tag.h"

#include <algorithm>
#include <utility>

namespace aoe::harness {

void RequestsByTag::add(std::uint32_t tag, StationId client, Tracker::Index request) {
  const auto [latest, is_new] = latest_.try_emplace(tag, Entry{client, request});
  if (is_new) return;
  const Entry before = std::exchange(latest->second, Entry{client, request});
  if (before.client == client && !earlier_.contains(tag)) return;
  std::vector<Entry>& earlier = earlier_[tag];
  std::erase_if(earlier, [&](const Entry& entry) { return entry.client == client; });
  if (before.client != client) earlier.push_back(before);
  if (earlier.size() == clients_max) earlier.erase(earlier.begin());
}

void RequestsByTag::remove(std::uint32_t tag, Tracker::Index request) {
  const auto others = earlier_.find(tag);
  if (others != earlier_.end()) {
    std::vector<Entry>& earlier = others->second;
    std::erase_if(earlier, [&](const Entry& entry) { return entry.request == request; });
  }
  const auto latest = latest_.find(tag);
  if (latest != latest_.end() && latest->second.request == request) {
    if (others == earlier_.end() || others->second.empty()) {
      latest_.erase(latest);
    } else {
      latest->second = others->second.back();
      others->second.pop_back();
    }
  }
  if (others != earlier_.end() && others->second.empty()) earlier_.erase(others);
}

std::optional<Tracker::Index> RequestsByTag::latest(std::uint32_t tag) const {
  const auto found = latest_.find(tag);
  return found == latest_.end() ? std::nullopt : std::optional(found->second.request);
}

std::vector<Tracker::Index> RequestsByTag::all(std::uint32_t tag) const {
  std::vector<Tracker::Index> requests;
  if (const auto earlier = earlier_.find(tag); earlier != earlier_.end())
    for (const Entry& entry : earlier->second) requests.push_back(entry.request);
  if (const auto last = latest(tag)) requests.push_back(*last);
  return requests;
}

}  // namespace aoe::harness
