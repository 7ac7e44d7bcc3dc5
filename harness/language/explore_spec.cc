#include "harness/language/explore_spec.h"

#include "config/yaml_map.h"
#include "harness/language/fault_spec.h"

namespace aoe::harness {
namespace {

/// What may be drawn: all that strike frames, and some of what happens to an end.
const std::vector<std::string>& words() {
  static const std::vector<std::string> words = [] {
    std::vector<std::string> words = explored_faults();
    words.insert(words.end(), {"link-down", "pause", "mac-change", "disk-error"});
    return words;
  }();
  return words;
}

}  // namespace

ExploreSpec ExploreSpec::parse(YamlMap map) {
  ExploreSpec spec;
  const auto number = [&](const std::string& key, std::uint32_t fallback, std::uint64_t most) {
    return static_cast<std::uint32_t>(map.number(key, fallback, 1, most));
  };
  spec.requests = number("requests", spec.requests, 100'000);
  spec.rounds = number("rounds", spec.rounds, 100);
  spec.at_once = number("at-once", spec.at_once, 10);
  if (map.has("faults")) {
    for (const std::size_t word : map.choices("faults", words())) {
      spec.faults.push_back(words()[word]);
    }
    if (spec.faults.empty()) map.fail(map.require("faults"), "faults: expected some");
  }
  map.finish();
  return spec;
}

const std::vector<std::string>& explored_faults() {
  static const std::vector<std::string> frames(fault_words().begin(),
                                               fault_words().begin() + frame_fault_count);
  return frames;
}

}  // namespace aoe::harness
