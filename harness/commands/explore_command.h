// `aoe-harness explore`: draws scenarios from many seeds, runs each in virtual time, and names the
// seeds that fail.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace aoe::harness {

struct ExploreOptions {
  std::string path;  // of a file with explorations
  std::uint64_t seed = 1;
  std::uint64_t seeds = 100;  // from `seed` on
  std::optional<std::uint32_t> requests;
  unsigned jobs = 1;
  bool until_fail = false;
  bool print = false;  // the scenario that `seed` draws, and run nothing
};

/// Returns the program's exit status.
int explore_command(const ExploreOptions& options);

}  // namespace aoe::harness
