#include "harness/commands/matrix_command.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <system_error>

#include <fmt/format.h>

#include "base/whole_file.h"
#include "harness/commands/conform_command.h"
#include "harness/report/outputs.h"
#include "harness/run/exit_status.h"

namespace aoe::harness {
namespace {

namespace fs = std::filesystem;

/// A folder's name for it: "vblade", "my-target".
std::string folder_name(const Implementation& sut, std::set<std::string>& taken) {
  std::string name = sut.name.substr(0, sut.name.find(' '));
  name = name.substr(name.rfind('/') + 1);
  std::ranges::replace_if(
      name,
      [](char c) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_';
        return !plain;
      },
      '_');
  std::string free = name;
  for (int again = 2; !taken.insert(free).second; ++again) free = fmt::format("{}-{}", name, again);
  return free;
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

/// Plays each implementation's suite, and adds its run to `options.runs`.
int play(MatrixOptions& options) {
  int status = exit_passed;
  std::set<std::string> taken;
  for (const Implementation& sut : options.suts) {
    ConformOptions conform{.role = sut.role, .run = options.run};
    conform.run.cases.sut = sut;
    if (!options.is_told_world) conform.run.cases.world = conform.run.cases.fitting_world();
    conform.run.out = options.run.out + "/" + folder_name(sut, taken);
    std::error_code error;
    fs::remove(fs::path(conform.run.out) / "last", error);  // an older run's, should this make none
    status = worse(status, conform_command(conform));
    const fs::path last = fs::canonical(fs::path(conform.run.out) / "last", error);
    if (error || status == exit_interrupted) return worse(status, exit_environment);
    options.runs.push_back(last.string());
  }
  return status;
}

tl::expected<void, std::string> write(const std::string& path, const std::string& text) {
  if (path != "-") return write_whole(path, text);
  fmt::print("{}", text);
  return {};
}

}  // namespace

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

int matrix_command(MatrixOptions options) {
  if (options.runs.empty() == options.suts.empty()) {
    complain("expected runs, or implementations to run: RUN..., or --sut for each");
    return exit_usage;
  }
  int status = exit_passed;
  if (!options.suts.empty()) {
    if (options.html.empty()) options.html = options.run.out + "/index.html";
    status = play(options);
    if (options.runs.size() < options.suts.size()) return status;
  }
  std::vector<MatrixColumn> columns;
  for (const std::string& path : options.runs) {
    auto run = read_run(path);
    if (!run) {
      complain(run.error());
      return exit_environment;
    }
    if (run->suite.empty()) {
      complain(path + ": is no run of aoe-harness conform");
      return exit_usage;
    }
    columns.push_back({*std::move(run), page_of_run(options.html, path)});
  }
  const Matrix matrix(std::move(columns));
  const bool is_shown =
      options.markdown != "-" && options.json != "-" && options.junit != "-" && options.html != "-";
  if (is_shown) fmt::print("{}", matrix.text());
  const auto put = [&](const std::string& path, const auto& make) {
    if (path.empty()) return;
    if (auto written = write(path, make()); !written) {
      complain(written.error());
      status = exit_environment;
    }
  };
  put(options.html, [&] { return matrix.html(); });
  put(options.markdown, [&] { return matrix.markdown(); });
  put(options.json, [&] { return matrix.json(); });
  put(options.junit, [&] { return matrix.junit(); });
  return status;
}

}  // namespace aoe::harness
