// `explore:` in a scenario: what of it is left to chance, to be drawn from a seed (run/draw.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace aoe {
class YamlMap;
}

namespace aoe::harness {

struct ExploreSpec {
  std::uint32_t requests = 500;  // in all,
  std::uint32_t rounds = 4;      // in so many loads, one after another
  std::uint32_t at_once = 3;     // faults armed at a time, at most
  std::vector<std::string> faults;

  /// Reads the mapping, and finishes it.
  static ExploreSpec parse(YamlMap map);
};

/// The faults that an exploration draws from where it names none: all that strike frames.
const std::vector<std::string>& explored_faults();

}  // namespace aoe::harness
