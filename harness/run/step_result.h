// How a step of a scenario ends: passed, failed with a finding, or unsupported with a reason.
#pragma once

#include <variant>

#include "harness/judge/finding.h"
#include "harness/world/world.h"

namespace aoe::harness {

struct Passed {};

using StepResult = std::variant<Passed, Finding, Unsupported>;

inline bool passed(const StepResult& result) {
  return std::holds_alternative<Passed>(result);
}

}  // namespace aoe::harness
