#include "harness/language/step_names.h"

#include <fmt/format.h>

namespace aoe::harness {
namespace {

std::string hint(const std::string& id, const std::set<std::string>& known) {
  const std::string near = nearest(id, known);
  return near.empty() ? near : fmt::format("; did you mean '{}'?", near);
}

void check_known(const YamlMap& map, const YAML::Node& node, const std::string& id,
                 const std::set<std::string>& known, std::string_view what) {
  if (known.contains(id)) return;
  map.fail(node, fmt::format("no {} '{}' before this step{}", what, id, hint(id, known)));
}

}  // namespace

void StepNames::add(YamlMap& map, std::set<std::string>& names, const std::string& id) {
  if (!names.insert(id).second) map.fail(map.require("id"), "this id is taken");
}

void StepNames::add_frame(YamlMap& map, const std::string& id) {
  if (!id.empty()) add(map, frames_, id);
  sent_ = true;
}

void StepNames::check_fault(const YamlMap& map, const YAML::Node& node,
                            const std::string& id) const {
  check_known(map, node, id, faults_, "fault");
}

void StepNames::check_io(const YamlMap& map, const YAML::Node& node, const std::string& id) const {
  check_known(map, node, id, ios_, "io");
}

void StepNames::check_frame(const YamlMap& map, const YAML::Node& node,
                            const std::string& id) const {
  if (!id.empty()) {
    check_known(map, node, id, frames_, "frame");
  } else if (!sent_) {
    map.fail(node, "no frame was sent before this step");
  }
}

void StepNames::finish() const {
  for (const auto& [io, mark] : awaited_ios_) {
    if (ios_.contains(io)) continue;
    fail_at(mark, fmt::format("during: no io '{}' in this scenario{}", io, hint(io, ios_)));
  }
}

}  // namespace aoe::harness
