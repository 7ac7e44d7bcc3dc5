// Turns a failing run into a short scenario that fails by itself and says why: with the fewest of
// its faults' decisions, each as a fault that strikes just that frame, and the fewest of its steps.
//
// Leaves things out and keeps what fails in the same way. The caller runs the trials.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "harness/language/scenario.h"
#include "harness/link/schedule.h"

namespace aoe::harness {

/// Runs a scenario, with a plan unless it is null. Returns how it failed, as Trial::kind() has it;
/// nothing where it passed.
using Try = std::function<std::string(const Scenario& scenario, std::uint64_t seed,
                                      const std::vector<Decision>* plan)>;

struct Shrunk {
  std::string yaml{};      // the scenario
  std::string rule{};      // that it breaks
  std::uint64_t seed = 0;  // of the run that failed
  std::size_t decisions_before = 0;
  std::size_t decisions = 0;
  std::size_t steps_before = 0;
  std::size_t steps = 0;
  std::size_t tries = 0;
};

/// Fails where the run does not fail, or not again in the same way, or its scenario can't be read.
tl::expected<Shrunk, std::string> shrink(const Schedule& schedule, const Try& run);

}  // namespace aoe::harness
