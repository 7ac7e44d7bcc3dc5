#include "harness/commands/run_arguments.h"

#include <map>
#include <random>

namespace aoe::harness {

void add_run_arguments(CLI::App& command, RunArguments& arguments) {
  RunOptions& options = arguments.options;
  command.option_defaults()->always_capture_default(false);
  command
      .add_option("--exclude", options.selection.excluded, "Leave these out: names, patterns, tags")
      ->option_text("ID|TAG...");
  add_world_options(command, options.cases);
  command
      .add_option("--seed", arguments.seed, "Repeat the run with this seed (default: a new one)")
      ->type_name("N");
  command
      .add_option("-j,--jobs", options.jobs,
                  "Cases at a time (default: as many as the world bears)")
      ->check(CLI::Range(1, 1024))
      ->option_text("N");
  command.add_flag("--strict", options.strict,
                   "Flaky and inconclusive cases are no success: exit 5");
  command.add_option("--timeout", arguments.patience, "Seconds that a case may take (default 600)")
      ->check(CLI::Range(1, 86'400))
      ->option_text("S");
  command.add_option("--out", options.out, "Folder for records and evidence (default runs)")
      ->type_name("DIR");
  command.add_option("--level", options.selection.level, "Only what is as strict as this")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Level>{
          {"must", Level::must}, {"should", Level::should}, {"profile", Level::profile}}))
      ->option_text("must|should|profile");
  command.add_flag("-v,--verbose", arguments.verbose, "Tell each step, and all that was measured");
  command.add_flag("-q,--quiet", arguments.quiet, "Tell only what is not well");
}

void add_suite_options(CLI::App& command, RunArguments& arguments) {
  command
      .add_option("--scenarios", arguments.options.selection.wanted,
                  "The suite (default: scenarios/target, scenarios/initiator)")
      ->option_text("PATH|ID|TAG...");
  command
      .add_option("--expect", arguments.options.expectations,
                  "File of failures that are known (default: its own in suts/), or none")
      ->option_text("FILE");
}

void add_report_option(CLI::App& command, RunArguments& arguments) {
  command
      .add_option("--report", arguments.reports, "Write reports, such as junit=a.xml,html=b.html")
      ->option_text("KIND=FILE,...");
}

tl::expected<void, std::string> RunArguments::finish() {
  for (const std::string& list : reports) {
    if (auto parsed = parse_outputs(list, options.reports); !parsed)
      return tl::unexpected("--report: " + parsed.error());
  }
  options.verbosity = verbose ? 2 : quiet ? -1 : 0;
  options.seed = seed ? *seed : std::random_device()();
  options.patience = std::chrono::seconds(patience);
  return {};
}

}  // namespace aoe::harness
