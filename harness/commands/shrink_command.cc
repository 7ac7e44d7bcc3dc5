#include "harness/commands/shrink_command.h"

#include <fstream>

#include <fmt/format.h>

#include "harness/run/exit_status.h"
#include "harness/run/shrink.h"
#include "harness/run/trial.h"

namespace aoe::harness {

int shrink_command(const ShrinkOptions& options) {
  const auto schedule = load_schedule(options.schedule);
  if (!schedule) {
    complain(schedule.error());
    return exit_usage;
  }
  const auto shrunk = shrink(*schedule, [](const Scenario& scenario, std::uint64_t seed,
                                           const std::vector<Decision>* plan) {
    return try_in_sim(scenario, seed, plan).kind();
  });
  if (!shrunk) {
    complain(fmt::format("{}: {}", options.schedule, shrunk.error()));
    return exit_failed;
  }
  if (options.output.empty()) {
    fmt::print("{}", shrunk->yaml);
  } else {
    std::ofstream file(options.output);
    file << shrunk->yaml;
    file.flush();
    if (!file) {
      complain(options.output + ": can't be written");
      return exit_environment;
    }
  }
  fmt::print(stderr, "{}: decisions {} to {}, steps {} to {}, in {} runs\n", shrunk->rule,
             shrunk->decisions_before, shrunk->decisions, shrunk->steps_before, shrunk->steps,
             shrunk->tries);
  return exit_passed;
}

}  // namespace aoe::harness
