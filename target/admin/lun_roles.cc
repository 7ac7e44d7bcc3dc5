#include "target/admin/lun_roles.h"

#include <utility>

#include <fmt/format.h>

namespace aoe::target {

void LunRoles::follow(const std::vector<LunDefinition>& luns) {
  std::map<Address, Entry> next;
  for (const LunDefinition& lun : luns) {
    const auto former = luns_.find(lun.address);
    const bool keeps = former != luns_.end() && former->second.definition.standby == lun.standby;
    next.emplace(lun.address, Entry{lun, keeps ? former->second.stands_by : lun.standby});
  }
  luns_ = std::move(next);
}

const LunDefinition* LunRoles::find(Address lun) const {
  const auto found = luns_.find(lun);
  return found == luns_.end() ? nullptr : &found->second.definition;
}

bool LunRoles::stands_by(Address lun) const {
  const auto found = luns_.find(lun);
  return found != luns_.end() && found->second.stands_by;
}

std::vector<std::string> LunRoles::changes_since(const LunRoles& before) const {
  std::vector<std::string> lines;
  for (const auto& [address, former] : before.luns_) {
    if (former.stands_by && !luns_.contains(address)) {
      lines.push_back(fmt::format("{}: removed", address));
    }
  }
  for (const auto& [address, now] : luns_) {
    const auto former = before.luns_.find(address);
    if (!now.stands_by) continue;
    if (former == before.luns_.end()) {
      lines.push_back(fmt::format("{}: added, stands by", address));
    } else if (former->second.stands_by && former->second.definition != now.definition) {
      lines.push_back(fmt::format("{}: changed, stands by", address));
    }
  }
  return lines;
}

std::vector<LunDefinition> LunRoles::with_role(bool stands_by) const {
  std::vector<LunDefinition> luns;
  for (const auto& [address, entry] : luns_) {
    if (entry.stands_by == stands_by) luns.push_back(entry.definition);
  }
  return luns;
}

}  // namespace aoe::target
