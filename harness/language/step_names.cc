#include "harness/language/step_names.h"

#include <fmt/format.h>

namespace aoe::harness {

void NameSet::add(YamlMap& map, const std::string& id) {
  if (names_.insert(id).second) return;
  map.fail(map.require("id"), fmt::format("id: '{}' is taken by the {} before", id, kind_));
}

void NameSet::check(const YamlMap& map, const YAML::Node& node, const std::string& id) const {
  if (names_.contains(id)) return;
  map.fail(node,
           fmt::format("no {} '{}' before this step{}", kind_, id, known_instead(id, names_)));
}

void StepNames::add_frame(YamlMap& map, const std::string& id) {
  if (!id.empty()) frames.add(map, id);
  sent = true;
}

void StepNames::check_frame(const YamlMap& map, const YAML::Node& node,
                            const std::string& id) const {
  if (!id.empty()) {
    frames.check(map, node, id);
  } else if (!sent) {
    map.fail(node, "no frame was sent before this step");
  }
}

void StepNames::finish() const {
  for (const auto& [io, mark] : awaited_ios) {
    if (ios.all().contains(io)) continue;
    fail_at(mark,
            fmt::format("during: no io '{}' in this scenario{}", io, known_instead(io, ios.all())));
  }
}

}  // namespace aoe::harness
