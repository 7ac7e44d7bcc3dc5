#include "harness/commands/commands.h"
#include "harness/commands/doctor_report.h"

namespace aoe::harness {

void add_doctor_command(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("doctor", "Say what this machine can run, and how to get the rest");
  command->footer("Exit status: 0 the veth world can be had, 3 it can't.");
  command->callback([&action] { action = doctor; });
}

}  // namespace aoe::harness
