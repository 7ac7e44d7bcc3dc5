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

struct ReplayOptions {
  std::string schedule;   // schedule.yaml of a case
  CaseOptions cases;      // against what
  bool own_world = true;  // the schedule's, whatever stands in `cases`
  std::string out = "runs";
};

int replay_schedule(const ReplayOptions& options) {
  const auto schedule = must(load_schedule(options.schedule), exit_usage);
  auto scenario = must(parse_scenario(schedule.scenario, options.schedule + " (scenario)")
                           .and_then(with_known_mutant),
                       exit_usage);
  RunOptions run;
  run.cases = options.cases;
  if (options.own_world) {
    run.cases.world = world_named(schedule.world);
    if (!schedule.sut.empty()) run.cases.sut = must(find_implementation(schedule.sut), exit_usage);
  }
  run.cases.plan = schedule.decisions;
  run.cases.reproduce = "aoe-harness replay " + shell_quoted(options.schedule);
  run.seed = schedule.seed;
  run.out = options.out;
  return run_scenarios(run, {std::move(scenario)}, {});
}

struct Given {
  ReplayOptions options;
  CaptureReplayOptions capture;
  std::vector<std::string> ignored;
};

/// Repeats a schedule or a capture, as the file's content says.
int replay(Given& given, const CLI::App& command) {
  if (!is_capture(given.options.schedule)) {
    for (const char* option : {"--device", "--at", "--exact", "--ignore", "--quiet"}) {
      if (command.count(option) == 0) continue;
      throw Failed{exit_usage, fmt::format("{} is for captures, and {} is none", option,
                                           given.options.schedule)};
    }
    return replay_schedule(given.options);
  }
  given.capture.capture = given.options.schedule;
  given.capture.cases = given.options.cases;
  given.capture.ignored = {given.ignored.begin(), given.ignored.end()};
  return replay_capture(given.capture);
}

}  // namespace

void add_replay_command(CLI::App& app, Action& action) {
  const auto given = std::make_shared<Given>();
  CLI::App* command =
      app.add_subcommand("replay", "Repeat a run by its schedule, or what a capture asked");
  command->add_option("file", given->options.schedule, "schedule.yaml of a case, or a capture")
      ->required()
      ->option_text("FILE");
  add_case_options(*command, given->options.cases);
  command->add_option("--out", given->options.out, "Folder for a run's evidence (default runs)")
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
  address("--device", given->capture.device, "Capture: which of several devices");
  address("--at", given->capture.at, "Capture: where it is on the interface, if elsewhere");
  command->add_flag("--exact", given->capture.exact, "Capture: compare all but tags and MACs");
  command->add_option("--ignore", given->ignored, "Capture: do not compare these fields (man page)")
      ->delimiter(',')
      ->option_text("FIELD,...");
  command->add_flag("-q,--quiet", given->capture.quiet, "Capture: tell differences only");
  command->footer(
      "Examples: aoe-harness replay runs/last/cases/retransmit/schedule.yaml\n"
      "          aoe-harness replay vblade.pcap --world veth --sut vblade");
  command->callback([given, command, &action] {
    given->options.own_world = command->count("--world") == 0;
    action = [given, command] { return replay(*given, *command); };
  });
}

}  // namespace aoe::harness
