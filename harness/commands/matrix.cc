#include <memory>

#include "harness/commands/matrix_command.h"
#include "harness/commands/run_arguments.h"
#include "harness/run/exit_status.h"

namespace aoe::harness {
namespace {

struct Given {
  MatrixOptions options;
  RunArguments arguments;
};

int matrix(Given& given) {
  if (auto finished = given.arguments.finish(); !finished) {
    complain(finished.error());
    return exit_usage;
  }
  given.options.run = given.arguments.options;
  return matrix_command(given.options);
}

}  // namespace

void add_matrix_command(CLI::App& app, Action& action) {
  const auto given = std::make_shared<Given>();
  given->arguments.options.out = "runs/matrix";
  CLI::App* command =
      app.add_subcommand("matrix", "Tell how several implementations keep to AoEr11, on one page");
  command->add_option("run", given->options.runs, "Runs of conform: folders, or their run.json")
      ->option_text("RUN...");
  command
      ->add_option_function<std::vector<std::string>>(
          "--sut",
          [given](const std::vector<std::string>& names) {
            for (const std::string& name : names) {
              auto found = find_implementation(name);
              if (!found) throw CLI::ValidationError(found.error());
              given->options.suts.push_back(*std::move(found));
            }
          },
          "Run this one first, as conform does; once for each")
      ->allow_extra_args(false)
      ->option_text("NAME|COMMAND");
  add_run_arguments(*command, given->arguments);
  add_suite_options(*command, given->arguments);
  const auto add = [&](const std::string& option, std::string& path, const std::string& what) {
    command->add_option(option, path, what)->option_text("FILE");
  };
  add("--html", given->options.html, "One page (with --sut: DIR/index.html unless told)");
  add("--md", given->options.markdown, "Markdown, for a job's summary");
  add("--json", given->options.json, "The verdicts");
  add("--junit", given->options.junit, "XML for CI servers");
  command->footer("Example: aoe-harness matrix --sut aoe-target --sut vblade --world veth");
  command->callback([given, command, &action] {
    given->options.is_told_world = command->count("--world") > 0;
    action = [given] { return matrix(*given); };
  });
}

}  // namespace aoe::harness
