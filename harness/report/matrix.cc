#include "harness/report/matrix.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/report/junit.h"
#include "harness/report/markdown.h"
#include "harness/report/page.h"
#include "harness/report/text.h"

namespace aoe::harness {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t name_columns = 40;

/// Returns "vblade veth": implementation and world. Of a long command only the first word is kept.
std::string name_of(const RunRecord& run) {
  std::string sut = one_line(run.sut);
  if (sut.size() > name_columns) sut = sut.substr(0, sut.find(' ')) + " …";
  return sut + " " + one_line(run.world);
}

/// Returns the text as a string of JSON.
std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Matrix::Matrix(std::vector<MatrixColumn> columns) {
  for (MatrixColumn& column : columns) {
    Coverage coverage = coverage_of(column.run);
    std::string name = name_of(column.run);
    columns_.push_back({std::move(column), std::move(coverage), std::move(name)});
  }
}

std::vector<Matrix::Row> Matrix::rows_of(const std::string& section) const {
  std::vector<Row> rows;
  for (const Clause& clause : clause_catalogue().clauses) {
    if (clause.section != section) continue;
    Row row{&clause, {}};
    for (const Column& column : columns_) row.cells.push_back(column.coverage.find(clause.id));
    if (std::ranges::any_of(row.cells, [](const auto* cell) { return cell != nullptr; }))
      rows.push_back(std::move(row));
  }
  return rows;
}

std::string Matrix::html() const {
  std::string columns;
  for (const Column& column : columns_) {
    columns += fmt::format(R"({}{{"name":{},"page":{},{}}})", columns.empty() ? "" : ",",
                           quoted(column.name), quoted(column.given.page),
                           run_members(outline(column.given.run, true), column.coverage));
  }
  return page("Conformance to AoEr11 - aoe-harness", "matrix", "\"columns\":[" + columns + "]",
              plain_section("Conformance to AoEr11", text()));
}

std::string Matrix::markdown() const {
  std::string text = "### Conformance to AoEr11\n\n| | version | verdict |\n| --- | --- | --- |\n";
  std::string heading = "| clause | level |";
  std::string line = "| --- | --- |";
  for (const Column& column : columns_) {
    const RunRecord& run = column.given.run;
    text += fmt::format("| {} | {} | {} |\n", plain_markdown(column.name),
                        plain_markdown(run.sut_version), describe(column.coverage.levels()));
    heading += fmt::format(" {} |", plain_markdown(column.name));
    line += " --- |";
  }
  for (const Section& section : clause_catalogue().sections) {
    std::string rows;
    for (const Row& row : rows_of(section.id)) {
      rows += fmt::format("| {} {} | {} |", plain_markdown(row.clause->id),
                          plain_markdown(row.clause->rule), harness::text(row.clause->level));
      for (const ClauseCoverage* cell : row.cells) {
        rows += cell == nullptr ? std::string(" |")
                                : fmt::format(" {} {} |", look_of(standing_of(cell->verdict)).sign,
                                              harness::text(cell->verdict));
      }
      rows += "\n";
    }
    if (!rows.empty())
      text += fmt::format("\n<details><summary>{}</summary>\n\n{}\n{}\n{}\n</details>\n",
                          markup(named(section)), heading, line, rows);
  }
  return text;
}

std::string Matrix::json() const {
  Json columns = Json::array();
  for (const Column& column : columns_) {
    const RunRecord& run = column.given.run;
    columns.push_back({{"sut", run.sut},
                       {"version", run.sut_version},
                       {"world", run.world},
                       {"suite", run.suite},
                       {"seed", run.seed},
                       {"started", run.started},
                       {"verdict", describe(column.coverage.levels())}});
  }
  Json clauses = Json::array();
  for (const Section& section : clause_catalogue().sections) {
    for (const Row& row : rows_of(section.id)) {
      Json verdicts = Json::array();
      for (const ClauseCoverage* cell : row.cells)
        verdicts.push_back(cell == nullptr ? Json(nullptr) : Json(harness::text(cell->verdict)));
      clauses.push_back({{"id", row.clause->id},
                         {"level", harness::text(row.clause->level)},
                         {"binds", harness::text(row.clause->binds)},
                         {"rule", row.clause->rule},
                         {"verdicts", std::move(verdicts)}});
    }
  }
  const Json whole{{"format", 1}, {"columns", std::move(columns)}, {"clauses", std::move(clauses)}};
  return whole.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string Matrix::text() const {
  constexpr std::size_t id_columns = 24;
  constexpr std::size_t cell_columns = 13;
  std::string text;
  std::string numbers = std::string(2 + id_columns + 2 + 9, ' ');
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const RunRecord& run = columns_[i].given.run;
    text += fmt::format("[{}] {}{}\n    {}\n", i + 1, columns_[i].name,
                        run.sut_version.empty() ? "" : ", " + one_line(run.sut_version),
                        describe(columns_[i].coverage.levels()));
    numbers += padded(fmt::format("[{}]", i + 1), cell_columns);
  }
  for (const Section& section : clause_catalogue().sections) {
    std::string rows;
    for (const Row& row : rows_of(section.id)) {
      std::string line = fmt::format("  {}  {:<9}", padded(row.clause->id, id_columns),
                                     harness::text(row.clause->level));
      for (const ClauseCoverage* cell : row.cells)
        line +=
            padded(cell == nullptr ? "-" : std::string(harness::text(cell->verdict)), cell_columns);
      line.erase(line.find_last_not_of(' ') + 1);
      rows += line + "\n";
    }
    if (rows.empty()) continue;
    std::string heading = padded(fmt::format("{}  {}", section.id, section.title), numbers.size());
    heading = heading.substr(0, 2 + id_columns + 2 + 9) + numbers.substr(2 + id_columns + 2 + 9);
    heading.erase(heading.find_last_not_of(' ') + 1);
    text += heading.append("\n").append(rows);
  }
  return text;
}

std::string Matrix::junit() const {
  std::vector<const RunRecord*> runs;
  for (const Column& column : columns_) runs.push_back(&column.given.run);
  return to_junit(runs);
}

}  // namespace aoe::harness
