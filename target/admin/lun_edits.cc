#include "target/admin/lun_edits.h"

#include <fmt/format.h>

namespace aoe::target {

std::string edit_error(const LunEdit& edit) {
  for (const auto& [key, value] : edit.values) {
    if (key == "shelf" || key == "slot") {
      return fmt::format("{}: the address of a LUN stays: remove it, and add it at another", key);
    }
    try {
      YAML::Load(value);
    } catch (const YAML::Exception& error) {
      return fmt::format("{}: '{}': {}", key, value, error.msg);
    }
  }
  return {};
}

LunEdit joined(const LunEdit& first, const LunEdit& second) {
  if (second.is_removed || second.is_new) return second;
  LunEdit both = first;
  for (const auto& [key, value] : second.values) both.values[key] = value;
  return both;
}

YAML::Node edited(const YAML::Node& lun, const LunEdit& edit) {
  YAML::Node copy = YAML::Clone(lun);
  if (edit.is_new) {
    copy = YAML::Node();
    for (const char* const key : {"shelf", "slot"}) {
      if (lun[key]) copy[key] = lun[key].Scalar();
    }
  }
  for (const auto& [key, value] : edit.values) {
    copy.remove(key);
    if (!value.empty()) copy[key] = YAML::Load(value);
  }
  return copy;
}

}  // namespace aoe::target
