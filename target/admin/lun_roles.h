// Which LUNs of a configuration are active, and which stand by for another target that serves the same
// disk.
//
// Plain values, owned by the Daemon and used by its thread. A LUN that stands by has nothing open and is
// not on the wire: the Daemon serves the active ones.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "target/service/definition.h"

namespace aoe::target {

class LunRoles {
 public:
  /// Takes over the LUNs of a configuration. One that is new, or whose `standby` has changed, takes the
  /// role that its definition says; the others keep the one that they have.
  void follow(const std::vector<LunDefinition>& luns);
  /// Gives a LUN of the configuration a role, until follow() finds another `standby` in its definition.
  void promote(Address lun) { luns_.at(lun).stands_by = false; }
  void demote(Address lun) { luns_.at(lun).stands_by = true; }

  /// Returns the definition of a LUN; null where the configuration has none at this address.
  const LunDefinition* find(Address lun) const;
  bool stands_by(Address lun) const;
  /// The LUNs that are to be served, in the order of their addresses.
  std::vector<LunDefinition> active() const { return with_role(false); }
  /// The LUNs that stand by, in the order of their addresses.
  std::vector<LunDefinition> standby() const { return with_role(true); }
  /// Returns what has become of LUNs that stood by and that no one has promoted, a line each: "e0.2: added,
  /// stands by", "e0.2: removed".
  std::vector<std::string> changes_since(const LunRoles& before) const;

 private:
  struct Entry {
    LunDefinition definition;
    bool stands_by;
  };
  std::vector<LunDefinition> with_role(bool stands_by) const;

  std::map<Address, Entry> luns_;
};

}  // namespace aoe::target
