#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "harness/commands/commands.h"
#include "harness/commands/options.h"
#include "harness/report/outputs.h"
#include "harness/report/terminal.h"
#include "harness/run/exit_status.h"

namespace aoe::harness {
namespace {

struct ReportGiven {
  std::string run;
  std::string earlier;
  std::vector<std::string> lists;
  std::vector<Output> outputs;
  int verbosity = 0;
};

/// On the terminal, where no file was asked for.
void retell(const RunRecord& run, const ReportGiven& given) {
  Terminal terminal(terminal_style(fileno(stdout), given.verbosity));
  fmt::print("{}", terminal.header(run));
  for (const CaseRecord& record : run.cases) fmt::print("{}", terminal.finished(record));
  fmt::print("{}", terminal.summary(run, given.run));
}

int report(ReportGiven& given) {
  add_reports(given.lists, given.outputs);
  const auto run = must(read_run(given.run), exit_environment);
  std::optional<RunRecord> earlier;
  if (!given.earlier.empty()) earlier = must(read_run(given.earlier), exit_environment);
  if (given.outputs.empty()) retell(run, given);
  must(write_outputs(given.outputs, run, earlier ? &*earlier : nullptr), exit_environment);
  return exit_passed;
}

}  // namespace

void add_report_command(CLI::App& app, Action& action) {
  const auto given = std::make_shared<ReportGiven>();
  CLI::App* report = app.add_subcommand("report", "Tell a run again, in files or on the terminal");
  report->option_defaults()->always_capture_default(false);
  report->add_option("run", given->run, "Folder of a run, or its run.json")
      ->required()
      ->option_text("RUN");
  const auto add = [&](const std::string& option, ReportKind kind, const std::string& what) {
    report
        ->add_option_function<std::string>(
            option,
            [given, kind](const std::string& path) {
              given->outputs.push_back({kind, path});
            },
            what)
        ->option_text("FILE");
  };
  add("--html", ReportKind::html, "One page that holds everything (-: standard output)");
  add("--junit", ReportKind::junit, "XML for CI servers");
  add("--md", ReportKind::markdown, "Markdown, for a job's summary");
  add("--json", ReportKind::json, "The record itself");
  report->add_option("--report", given->lists, "The same as --report of run")
      ->option_text("KIND=FILE,...");
  report->add_option("--against", given->earlier, "Compare with this run, in HTML")
      ->option_text("RUN");
  add_verbosity_options(*report, given->verbosity);
  report->footer("");
  report->callback([given, &action] { action = [given] { return harness::report(*given); }; });
}

}  // namespace aoe::harness
