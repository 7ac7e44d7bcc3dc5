#include <memory>

#include "harness/commands/commands.h"
#include "harness/commands/shrink_command.h"

namespace aoe::harness {

void add_shrink_command(CLI::App& app, Action& action) {
  const auto options = std::make_shared<ShrinkOptions>();
  CLI::App* shrink = app.add_subcommand("shrink", "Make a short scenario of a run that failed");
  shrink->add_option("schedule", options->schedule, "schedule.yaml of a case")
      ->required()
      ->option_text("SCHEDULE");
  shrink->add_option("-o,--output", options->output, "File for it (default: standard output)")
      ->option_text("FILE");
  shrink->footer("Example: aoe-harness shrink runs/last/cases/explore/schedule.yaml -o short.yaml");
  shrink->callback([options, &action] { action = [options] { return shrink_command(*options); }; });
}

}  // namespace aoe::harness
