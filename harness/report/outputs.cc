#include "harness/report/outputs.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "base/whole_file.h"
#include "config/yaml_file.h"
#include "harness/report/junit.h"
#include "harness/report/markdown.h"
#include "harness/report/page.h"

namespace aoe::harness {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::pair<std::string_view, ReportKind>, 4> kinds{
    {{"html", ReportKind::html},
     {"json", ReportKind::json},
     {"junit", ReportKind::junit},
     {"md", ReportKind::markdown}}};

tl::expected<Output, std::string> parse_output(const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string word = text.substr(0, equals);
  for (const auto& [name, kind] : kinds) {
    if (word != name) continue;
    if (equals == std::string::npos || equals + 1 == text.size())
      return tl::unexpected(fmt::format("{}: expected a file, as in {}=FILE", word, word));
    return Output{kind, text.substr(equals + 1)};
  }
  std::set<std::string> names;
  for (const auto& [name, kind] : kinds) names.emplace(name);
  const std::string near = nearest(word, names);
  return tl::unexpected(
      near.empty() ? fmt::format("{}: no such report; there are {}", word, fmt::join(names, ", "))
                   : fmt::format("{}: no such report; did you mean '{}'?", word, near));
}

}  // namespace

tl::expected<void, std::string> parse_outputs(const std::string& list,
                                              std::vector<Output>& outputs) {
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t end = std::min(list.find(',', at), list.size());
    auto output = parse_output(list.substr(at, end - at));
    if (!output) return tl::unexpected(output.error());
    outputs.push_back(*std::move(output));
    at = end + 1;
  }
  return {};
}

std::vector<Output> outputs_of_folder(const std::string& folder) {
  return {{ReportKind::json, folder + "/run.json"},
          {ReportKind::junit, folder + "/junit.xml"},
          {ReportKind::html, folder + "/index.html"}};
}

std::string render(ReportKind kind, const RunRecord& run, const RunRecord* earlier) {
  switch (kind) {
    case ReportKind::html: return to_html(run, earlier);
    case ReportKind::json: return to_json(run);
    case ReportKind::junit: return to_junit(run);
    case ReportKind::markdown: return to_markdown(run);
  }
  AOE_CHECK(false && "a kind of report without a writer");
}

tl::expected<void, std::string> write_outputs(const std::vector<Output>& outputs,
                                              const RunRecord& run, const RunRecord* earlier) {
  tl::expected<void, std::string> result;
  for (const Output& output : outputs) {
    const std::string text = render(output.kind, run, earlier);
    auto written = output.path == "-" ? write_text(stdout, "standard output", text)
                                      : write_whole(output.path, text);
    if (!written && result) result = std::move(written);
  }
  return result;
}

tl::expected<RunRecord, std::string> read_run(const std::string& path) {
  std::error_code error;
  const std::string file =
      fs::is_directory(path, error) ? (fs::path(path) / "run.json").string() : path;
  const std::uintmax_t size = fs::file_size(file, error);
  if (error) return tl::unexpected(fmt::format("{}: {}", file, error.message()));
  if (size > json_size_max)
    return tl::unexpected(fmt::format("{}: {} bytes, {} are the most", file, size, json_size_max));
  const auto text = file_text(file);
  if (!text) return tl::unexpected(text.error());
  auto run = run_from_json(*text);
  if (!run) return tl::unexpected(fmt::format("{}: {}", file, run.error()));
  return run;
}

}  // namespace aoe::harness
