// `aoe-harness matrix`: several implementations on one page, from runs that are finished or that it
// makes first, each as `conform` does.
#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <set>
#include <system_error>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/whole_file.h"
#include "harness/commands/commands.h"
#include "harness/commands/options.h"
#include "harness/commands/suite.h"
#include "harness/report/matrix.h"
#include "harness/report/outputs.h"
#include "harness/run/evidence_folder.h"
#include "harness/run/exit_status.h"

namespace aoe::harness {
namespace {

namespace fs = std::filesystem;

struct MatrixGiven {
  std::vector<std::string> runs;     // folders of finished ones, or their run.json
  std::vector<Implementation> suts;  // to run first; where there are any, in the folder of --out:
                                     // DIR/NAME/… and DIR/index.html by default
  bool is_told_world = false;        // else each has the one that fits it
  RunArguments arguments;            // how
  std::string html;                  // files to write; "-": standard output; empty: none
  std::string markdown;
  std::string json;
  std::string junit;
};

/// A folder's name for it: "vblade", "my-target".
std::string folder_name(const Implementation& sut, std::set<std::string>& taken) {
  const std::string program = sut.name.substr(0, sut.name.find(' '));
  return file_name(program.substr(program.rfind('/') + 1), taken);
}

/// The worse of two ways to end.
int worse(int one, int other) {
  constexpr std::array order{exit_interrupted, exit_usage, exit_environment, exit_failed,
                             exit_inconclusive};
  for (const int status : order) {
    if (one == status || other == status) return status;
  }
  return exit_passed;
}

/// Plays each implementation's suite, and adds its run to `given.runs`.
int play(MatrixGiven& given) {
  int status = exit_passed;
  std::set<std::string> taken;
  for (const Implementation& sut : given.suts) {
    RunOptions run = given.arguments.options;
    run.cases.sut = sut;
    if (!given.is_told_world) run.cases.world = run.cases.fitting_world();
    run.out += "/" + folder_name(sut, taken);
    const fs::path link = fs::path(run.out) / "last";
    std::error_code error;
    fs::remove(link, error);  // an older run's, should this make none
    status = worse(status, carry_out([&] { return run_suite(sut.role, run); }));
    const fs::path last = fs::canonical(link, error);
    if (error || status == exit_interrupted) return worse(status, exit_environment);
    given.runs.push_back(last.string());
  }
  return status;
}

tl::expected<void, std::string> write(const std::string& path, const std::string& text) {
  if (path != "-") return write_whole(path, text);
  fmt::print("{}", text);
  return {};
}

/// Returns where a run's report is, seen from the page: a relative path, for the folder may be
/// copied; empty where it is not below it.
std::string page_of_run(const std::string& page, const std::string& run) {
  if (page.empty() || page == "-") return {};
  std::error_code error;
  const fs::path folder =
      fs::is_directory(run, error) ? fs::path(run) : fs::path(run).parent_path();
  const fs::path report = fs::weakly_canonical(folder / "index.html", error);
  const fs::path beside = fs::weakly_canonical(fs::absolute(page, error), error).parent_path();
  const std::string relative = report.lexically_relative(beside).string();
  const bool is_below = !relative.empty() && !relative.starts_with("..");
  return is_below && fs::is_regular_file(report, error) ? relative : "";
}

int make_matrix(MatrixGiven& given) {
  given.arguments.finish();
  if (given.runs.empty() == given.suts.empty())
    throw Failed{exit_usage, "expected runs, or implementations to run: RUN..., or --sut for each"};
  int status = exit_passed;
  if (!given.suts.empty()) {
    if (given.html.empty()) given.html = given.arguments.options.out + "/index.html";
    status = play(given);
    if (given.runs.size() < given.suts.size()) return status;
  }
  std::vector<MatrixColumn> columns;
  for (const std::string& path : given.runs) {
    RunRecord run = must(read_run(path), exit_environment);
    if (run.suite.empty()) throw Failed{exit_usage, path + ": is no run of aoe-harness conform"};
    columns.push_back({std::move(run), page_of_run(given.html, path)});
  }
  const Matrix matrix(std::move(columns));
  const bool is_shown =
      given.markdown != "-" && given.json != "-" && given.junit != "-" && given.html != "-";
  if (is_shown) fmt::print("{}", matrix.text());
  const auto put = [&](const std::string& path, const auto& make) {
    if (path.empty()) return;
    if (auto written = write(path, make()); !written) {
      complain(written.error());
      status = exit_environment;
    }
  };
  put(given.html, [&] { return matrix.html(); });
  put(given.markdown, [&] { return matrix.markdown(); });
  put(given.json, [&] { return matrix.json(); });
  put(given.junit, [&] { return matrix.junit(); });
  return status;
}

}  // namespace

void add_matrix_command(CLI::App& app, Action& action) {
  const auto given = std::make_shared<MatrixGiven>();
  given->arguments.options.out = "runs/matrix";
  CLI::App* command =
      app.add_subcommand("matrix", "Tell how several implementations keep to AoEr11, on one page");
  command->add_option("run", given->runs, "Runs of conform: folders, or their run.json")
      ->option_text("RUN...");
  command
      ->add_option_function<std::vector<std::string>>(
          "--sut",
          [given](const std::vector<std::string>& names) {
            for (const std::string& name : names) {
              auto found = find_implementation(name);
              if (!found) throw CLI::ValidationError(found.error());
              given->suts.push_back(*std::move(found));
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
  add("--html", given->html, "One page (with --sut: DIR/index.html by default)");
  add("--md", given->markdown, "Markdown, for a job's summary");
  add("--json", given->json, "The verdicts");
  add("--junit", given->junit, "XML for CI servers");
  command->footer("Example: aoe-harness matrix --sut aoe-target --sut vblade --world veth");
  command->callback([given, command, &action] {
    given->is_told_world = command->count("--world") > 0;
    action = [given] { return make_matrix(*given); };
  });
}

}  // namespace aoe::harness
