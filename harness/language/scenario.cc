#include "harness/language/scenario.h"

#include <algorithm>

namespace aoe::harness {

bool plays_initiator(const Scenario& scenario) {
  const auto plays = [](const Step& step) { return plays_initiator(step); };
  return scenario.explore || std::ranges::any_of(scenario.steps, plays);
}

}  // namespace aoe::harness
