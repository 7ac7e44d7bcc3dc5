#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <thread>

#include "harness/cli/commands.h"
#include "harness/run/exit_status.h"
#include "harness/run/run_command.h"

namespace aoe::harness {
namespace {

struct Given {
  RunOptions options;
  std::vector<std::string> reports;
  bool verbose = false;
  bool quiet = false;
  std::optional<std::uint64_t> seed;
  std::optional<std::size_t> repeat;
  unsigned patience = 600;
};

int run(Given& given) {
  for (const std::string& list : given.reports) {
    if (auto parsed = parse_outputs(list, given.options.reports); !parsed) {
      complain("--report: " + parsed.error());
      return exit_usage;
    }
  }
  given.options.verbosity = given.verbose ? 1 : given.quiet ? -1 : 0;
  given.options.seed = given.seed ? *given.seed : std::random_device()();
  if (given.repeat) {
    given.options.repeat = *given.repeat;
  } else if (given.options.until_fail) {
    given.options.repeat = for_ever;
  }
  given.options.patience = std::chrono::seconds(given.patience);
  return run_command(given.options);
}

}  // namespace

void add_run_command(CLI::App& app, Action& action) {
  const auto given = std::make_shared<Given>();
  RunOptions& options = given->options;
  CLI::App* run = app.add_subcommand("run", "Run scenarios");
  run->option_defaults()->always_capture_default(false);
  run->add_option("what", options.selection.wanted,
                  "Files, folders, names, patterns of names, or tags")
      ->required()
      ->option_text("PATH|ID|TAG...");
  run->add_option("--exclude", options.selection.excluded, "Leave these out: names, patterns, tags")
      ->option_text("ID|TAG...");
  add_case_options(*run, options.cases);
  run->add_option("--seed", given->seed, "Repeat the run with this seed (default: a new one)")
      ->type_name("N");
  run->add_option("-j,--jobs", options.jobs, "Cases at a time (default: the processors there are)")
      ->check(CLI::Range(1, 1024))
      ->option_text("N");
  run->add_option("--repeat", given->repeat, "Each case this often, with seeds N, N+1, ...")
      ->check(CLI::Range(1, 1'000'000))
      ->option_text("TIMES");
  run->add_flag("--until-fail", options.until_fail, "Repeat until a case fails");
  run->add_flag("--fail-fast", options.fail_fast, "Begin nothing after a case that failed");
  run->add_flag("--strict", options.strict, "Flaky and inconclusive cases are no success: exit 5");
  run->add_flag("--dry-run", options.dry_run, "Say what would run, and run nothing");
  run->add_option("--timeout", given->patience, "Seconds that a case may take (default 600)")
      ->check(CLI::Range(1, 86'400))
      ->option_text("S");
  run->add_option("--out", options.out, "Folder for records and evidence (default runs)")
      ->type_name("DIR");
  run->add_option("--level", options.selection.level, "Only what is as strict as this")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Level>{
          {"must", Level::must}, {"should", Level::should}, {"profile", Level::profile}}))
      ->option_text("must|should|profile");
  run->add_option("--expect", options.expectations, "File of failures that are known")
      ->option_text("FILE");
  run->add_option("--report", given->reports, "Write reports, such as junit=a.xml,html=b.html")
      ->option_text("KIND=FILE,...");
  run->add_flag("-v,--verbose", given->verbose, "Tell all that was measured");
  run->add_flag("-q,--quiet", given->quiet, "Tell only what is not well");
  run->footer("");
  options.jobs = std::max(1U, std::thread::hardware_concurrency());
  run->callback([given, &action] { action = [given] { return harness::run(*given); }; });
}

}  // namespace aoe::harness
