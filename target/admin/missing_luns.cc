#include "target/admin/missing_luns.h"

#include <algorithm>

namespace aoe::target {

bool MissingLuns::note(const LunDefinition& lun, const std::string& why, Instant now) {
  const auto [found, is_new] =
      missing_.try_emplace(lun.address, Missing{lun, {}, first_interval, {}});
  Missing& missing = found->second;
  const bool is_news = is_new || missing.why != why;
  if (!is_new) missing.interval = std::min<Duration>(2 * missing.interval, last_interval);
  missing.definition = lun;
  missing.why = why;
  missing.due = now + missing.interval;
  return is_news;
}

void MissingLuns::follow(const std::vector<LunDefinition>& luns) {
  std::map<Address, Missing> still;
  for (const LunDefinition& lun : luns) {
    const auto found = missing_.find(lun.address);
    if (found == missing_.end()) continue;
    found->second.definition = lun;
    still.insert(missing_.extract(found));
  }
  missing_ = std::move(still);
}

bool MissingLuns::contains(const LunDefinition& lun) const {
  const auto found = missing_.find(lun.address);
  return found != missing_.end() && found->second.definition.store == lun.store;
}

std::vector<LunDefinition> MissingLuns::due(Instant now) const {
  std::vector<LunDefinition> due;
  for (const auto& [address, missing] : missing_) {
    if (missing.due <= now) due.push_back(missing.definition);
  }
  return due;
}

Instant MissingLuns::deadline() const {
  Instant first = never;
  for (const auto& [address, missing] : missing_) first = std::min(first, missing.due);
  return first;
}

}  // namespace aoe::target
