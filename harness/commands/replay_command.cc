#include "harness/commands/replay_command.h"

#include <fmt/format.h>

#include "harness/commands/run_command.h"
#include "harness/run/exit_status.h"

namespace aoe::harness {

int replay_command(const ReplayOptions& options) {
  const auto schedule = load_schedule(options.schedule);
  if (!schedule) {
    complain(schedule.error());
    return exit_usage;
  }
  auto scenario = parse_scenario(schedule->scenario, options.schedule + " (scenario)");
  if (!scenario) {
    complain(scenario.error());
    return exit_usage;
  }
  RunOptions run;
  run.cases = options.cases;
  if (options.own_world) {
    run.cases.world = world_named(schedule->world);
    if (!schedule->sut.empty()) {
      auto implementation = find_implementation(schedule->sut);
      if (!implementation) {
        complain(implementation.error());
        return exit_usage;
      }
      run.cases.sut = *std::move(implementation);
    }
  }
  run.cases.plan = schedule->decisions;
  run.cases.reproduce = "aoe-harness replay " + shell_quoted(options.schedule);
  run.seed = schedule->seed;
  run.out = options.out;
  return run_scenarios(run, {*std::move(scenario)}, {});
}

}  // namespace aoe::harness
