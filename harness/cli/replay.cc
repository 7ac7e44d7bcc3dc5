#include <memory>
#include <optional>

#include "harness/cli/commands.h"
#include "harness/run/replay_command.h"

namespace aoe::harness {

void add_replay_command(CLI::App& app, Action& action) {
  struct Given {
    ReplayOptions options;
    std::optional<WorldKind> world;
  };
  const auto given = std::make_shared<Given>();
  CLI::App* replay = app.add_subcommand("replay", "Repeat a run by what its faults decided");
  replay->add_option("schedule", given->options.schedule, "schedule.yaml of a case")
      ->required()
      ->option_text("SCHEDULE");
  add_case_options(*replay, given->options.cases);
  replay->add_option("--out", given->options.out, "Folder for the evidence (default runs)")
      ->option_text("DIR");
  replay->footer("Example: aoe-harness replay runs/last/cases/retransmit/schedule.yaml");
  replay->callback([given, replay, &action] {
    given->options.own_world = replay->count("--world") == 0;
    action = [given] { return replay_command(given->options); };
  });
}

}  // namespace aoe::harness
