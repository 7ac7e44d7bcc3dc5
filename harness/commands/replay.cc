// `aoe-harness replay`: repeats a run by what its faults decided, or asks again what a capture
// asked.
//
// In the sim world a repeated run is the same to the last byte of its ledger. In real time each
// decision strikes the frame that asks for the same; decisions whose frame never came are listed.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "harness/commands/commands.h"
#include "harness/commands/options.h"
#include "harness/run/exit_status.h"
#include "harness/run/replay_capture.h"
#include "harness/selftest/mutants.h"

namespace aoe::harness {
namespace {

struct ReplayGiven {
  CaptureReplayOptions options;  // its capture may be schedule.yaml of a case instead
  std::string out = "runs";      // for a schedule
};

int replay_schedule(const ReplayGiven& given, const CLI::App& command) {
  const std::string& file = given.options.capture;
  const auto schedule = must(load_schedule(file), exit_usage);
  auto scenario =
      must(parse_scenario(schedule.scenario, file + " (scenario)").and_then(with_known_mutant),
           exit_usage);
  RunOptions run;
  run.cases = given.options.cases;
  take_from(schedule, command, run.cases);
  run.cases.plan = schedule.decisions;
  run.cases.reproduce =
      fmt::format("aoe-harness replay {}{}", shell_quoted(file), played_as(run.cases));
  run.seed = schedule.seed;
  run.out = given.out;
  return run_scenarios(run, {std::move(scenario)}, {});
}

/// Repeats a schedule or a capture, as the file's content says.
int replay(const ReplayGiven& given, const CLI::App& command) {
  if (!is_capture(given.options.capture)) {
    for (const char* option : {"--device", "--at", "--exact", "--ignore", "--quiet"}) {
      if (command.count(option) == 0) continue;
      throw Failed{exit_usage, fmt::format("{} is for captures, and {} is none", option,
                                           given.options.capture)};
    }
    return replay_schedule(given, command);
  }
  if (given.options.cases.peer) {
    throw Failed{exit_usage, fmt::format("--peer is for schedules, and {} is a capture: its frames "
                                         "are what the other end sends",
                                         given.options.capture)};
  }
  return replay_capture(given.options);
}

}  // namespace

void add_replay_command(CLI::App& app, Action& action) {
  const auto given = std::make_shared<ReplayGiven>();
  CLI::App* command =
      app.add_subcommand("replay", "Repeat a run by its schedule, or what a capture asked");
  command->add_option("file", given->options.capture, "schedule.yaml of a case, or a capture")
      ->required()
      ->option_text("FILE");
  add_case_options(*command, given->options.cases);
  command->add_option("--out", given->out, "Folder for a run's evidence (default runs)")
      ->option_text("DIR");
  const auto address = [command](const std::string& name, std::optional<Address>& into,
                                 const std::string& what) {
    command
        ->add_option_function<std::string>(
            name,
            [&into, name](const std::string& text) {
              into = parse_address(text);
              if (!into)
                throw CLI::ValidationError(name + ": " + text + ": no device; one is e0.2");
            },
            what)
        ->option_text("eSHELF.SLOT");
  };
  address("--device", given->options.device, "Capture: which of several devices");
  address("--at", given->options.at, "Capture: where it is on the interface, if elsewhere");
  command->add_flag("--exact", given->options.exact, "Capture: compare all but tags and MACs");
  command
      ->add_option("--ignore", given->options.ignored,
                   "Capture: do not compare these fields (man page)")
      ->delimiter(',')
      ->option_text("FIELD,...");
  command->add_flag("-q,--quiet", given->options.quiet, "Capture: tell differences only");
  command->footer(
      "Examples: aoe-harness replay runs/last/cases/retransmit/schedule.yaml\n"
      "          aoe-harness replay vblade.pcap --world veth --sut vblade");
  command->callback([given, command, &action] {
    action = [given, command] { return replay(*given, *command); };
  });
}

}  // namespace aoe::harness
