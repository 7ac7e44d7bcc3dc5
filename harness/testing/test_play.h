// Scenarios played in virtual time for a test, and what came of them as text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/judge/parties.h"
#include "harness/language/scenario.h"
#include "harness/link/fault_stage.h"
#include "harness/link/ledger.h"
#include "harness/run/runner.h"
#include "harness/selftest/mutants.h"
#include "harness/world/sim_world.h"

namespace aoe::harness {

/// All variants of all scenarios in a folder of scenarios/, in one order everywhere.
std::vector<Scenario> suite_in(const std::string& folder);
bool cites(const Scenario& scenario, std::string_view clause);

/// Everything of one run in virtual time, held together after it is over.
class Play {
 public:
  /// Makes the world: a SimWorld, or one that behaves otherwise.
  using Maker = std::unique_ptr<World> (*)(const Scenario&, FaultStage&, Parties&, std::uint64_t);
  template <class WorldType>
  static std::unique_ptr<World> make(const Scenario& scenario, FaultStage& stage, Parties& parties,
                                     std::uint64_t seed) {
    return std::make_unique<WorldType>(scenario, stage, parties, seed, mutant_of(scenario));
  }

  explicit Play(const std::string& yaml, Maker maker = make<SimWorld>, std::uint64_t seed = 1,
                Captures captures = {});
  Play(const Play&) = delete;
  Play& operator=(const Play&) = delete;

  /// "line 8: expected …\nactual …", for each failure, comparable(); "" where all is well.
  std::string failures() const;
  /// What was measured, a line each.
  std::string notes() const;

  Scenario scenario;
  Ledger ledger{SimWorld::origin};
  Parties parties;
  FaultStage stage;
  std::unique_ptr<World> world;
  Verdict verdict;
};

}  // namespace aoe::harness
