// What this machine can run, and how to get the rest: `aoe-harness doctor`.
#pragma once

#include <string>
#include <vector>

namespace aoe::harness {

/// Something that a run may need.
struct Ability {
  std::string name;  // "network namespaces"
  bool is_there;
  std::string detail;  // how, or where; else what is in the way, and how to get it
  bool is_needed;      // by the veth world; else by some tests and reports only
};

/// Tries everything, in processes of its own: nothing of it stays.
std::vector<Ability> examine();

/// Prints them; returns the program's exit status: 3 where something is missing that is needed.
int doctor();

}  // namespace aoe::harness
