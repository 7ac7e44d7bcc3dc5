#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "harness/commands/commands.h"
#include "harness/commands/options.h"
#include "harness/report/join.h"
#include "harness/report/outputs.h"
#include "harness/report/terminal.h"
#include "harness/run/evidence_folder.h"
#include "harness/run/exit_status.h"

namespace aoe::harness {
namespace {

namespace fs = std::filesystem;

struct ReportGiven {
  std::vector<std::string> runs;  // one, or the parts of one
  std::string earlier;
  std::string out;  // folder for the run with its evidence; empty: none
  std::vector<std::string> lists;
  std::vector<Output> outputs;
  int verbosity = 0;
};

/// On the terminal, where no file was asked for.
void retell(const RunRecord& run, const ReportGiven& given) {
  Terminal terminal(terminal_style(fileno(stdout), given.verbosity));
  fmt::print("{}", terminal.header(run));
  for (const CaseRecord& record : run.cases) fmt::print("{}", terminal.finished(record));
  fmt::print("{}", terminal.summary(run, given.runs.size() == 1 ? given.runs.front() : ""));
}

/// Copies the evidence of a case from the folder `from` of its run, where it is there, and changes
/// the record accordingly. A try's is beside those of the case's other tries.
void keep_evidence(const fs::path& from, const fs::path& out, CaseRecord& record,
                   std::set<std::string>& taken) {
  const fs::path folder = fs::path(record.folder).lexically_normal();
  auto part = folder.begin();
  if (part == folder.end() || *part != "cases" || ++part == folder.end()) return;
  const fs::path old = fs::path("cases") / *part;
  fs::path kept = fs::path("cases") / file_name(record.id, taken);
  std::error_code error;
  if (!fs::is_directory(from / old, error)) return;
  fs::create_directories(out / "cases", error);
  fs::copy(from / old, out / kept, fs::copy_options::recursive, error);
  if (error) {
    throw Failed{exit_environment, fmt::format("{}: {}", (out / kept).string(), error.message())};
  }
  while (++part != folder.end()) kept /= *part;
  record.folder = kept.string();
}

/// Reads what was given. Evidence is kept in given.out, once it is certain that the parts fit.
RunRecord read_whole(const ReportGiven& given) {
  std::vector<RunPart> parts;
  for (const std::string& path : given.runs)
    parts.push_back({path, must(read_run(path), exit_environment)});
  RunRecord whole = must(join(parts), exit_usage);
  if (given.out.empty()) return whole;
  std::set<std::string> taken;
  for (auto& [path, run] : parts) {
    std::error_code error;
    const fs::path folder =
        fs::is_directory(path, error) ? fs::path(path) : fs::path(path).parent_path();
    for (CaseRecord& record : run.cases) keep_evidence(folder, given.out, record, taken);
  }
  return must(join(std::move(parts)), exit_usage);
}

int report(ReportGiven& given) {
  add_reports(given.lists, given.outputs);
  if (!given.out.empty()) {
    std::error_code error;
    if (fs::exists(fs::path(given.out) / "run.json", error))
      throw Failed{exit_usage, given.out + ": holds a run already; give a new folder"};
    fs::create_directories(given.out, error);
    if (error) throw Failed{exit_environment, fmt::format("{}: {}", given.out, error.message())};
    const std::vector<Output> folder = outputs_of_folder(given.out);
    given.outputs.insert(given.outputs.end(), folder.begin(), folder.end());
  }
  std::optional<RunRecord> earlier;
  if (!given.earlier.empty()) earlier = must(read_run(given.earlier), exit_environment);
  const RunRecord run = read_whole(given);
  if (given.outputs.empty()) retell(run, given);
  must(write_outputs(given.outputs, run, earlier ? &*earlier : nullptr), exit_environment);
  return exit_passed;
}

}  // namespace

void add_report_command(CLI::App& app, Action& action) {
  const auto given = std::make_shared<ReportGiven>();
  CLI::App* report = app.add_subcommand("report", "Tell a run again, in files or on the terminal");
  report->option_defaults()->always_capture_default(false);
  report->add_option("run", given->runs, "Folder of a run, or its run.json; or all parts of one")
      ->required()
      ->option_text("RUN...");
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
  report->add_option("--out", given->out, "A folder as of a run: all of these, and the evidence")
      ->option_text("DIR");
  report->add_option("--against", given->earlier, "Compare with this run, in HTML")
      ->option_text("RUN");
  add_verbosity_options(*report, given->verbosity);
  report->footer("Example: aoe-harness report part-1 part-2 part-3 --out whole");
  report->callback([given, &action] { action = [given] { return harness::report(*given); }; });
}

}  // namespace aoe::harness
