#include "harness/language/scenario.h"

#include <algorithm>

namespace aoe::harness {

bool plays_initiator(const Scenario& scenario) {
  const auto plays = [](const Step& step) {
    return std::visit([](const auto& what) { return what.plays_initiator(); }, step.what);
  };
  return scenario.explore || std::ranges::any_of(scenario.steps, plays);
}

}  // namespace aoe::harness
