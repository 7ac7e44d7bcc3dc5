#include "harness/report/matrix.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/report/html_case.h"
#include "harness/report/html_page.h"
#include "harness/report/junit.h"
#include "harness/report/markdown.h"
#include "harness/report/text.h"

namespace aoe::harness {
namespace {

constexpr std::size_t name_columns = 40;

/// A command is long, and begins with what tells it from others.
std::string name_of(const RunRecord& run) {
  std::string sut = one_line(run.sut);
  if (sut.size() > name_columns) sut = sut.substr(0, sut.find(' ')) + " …";
  return sut + " " + one_line(run.world);
}

bool is_told(const CaseRecord& record) {
  return record.outcome != Outcome::passed && record.outcome != Outcome::unsupported;
}

// Anchors: a page's script opens what begins with "case-".
std::string anchor_of_cell(std::size_t column, const Clause& clause) {
  const auto& clauses = clause_catalogue().clauses;
  const auto number = std::ranges::find(clauses, clause.id, &Clause::id) - clauses.begin();
  return fmt::format("case-{}-clause-{}", column, number);
}

std::string anchor_of_case(std::size_t column, std::size_t number) {
  return fmt::format("case-{}-{}", column, number);
}

/// What came of a clause: those of its cases that did not simply pass, with their evidence.
std::string draw_cell(const RunRecord& run, std::size_t column, const ClauseCoverage& cell) {
  const Clause& clause = *cell.clause;
  std::string html;
  if (!clause.room.empty()) html += fmt::format("<p class=\"soft\">{}</p>\n", plain(clause.room));
  std::string others;
  for (const std::size_t i : cell.cases) {
    const CaseRecord& record = run.cases[i];
    if (!is_told(record)) {
      others += fmt::format("<li>{} {}{}</li>\n", chip(record), plain(record.id),
                            record.reason.empty() ? "" : ": " + plain(record.reason));
      continue;
    }
    html += fmt::format("<h3>{} <a href=\"#{}\">{}</a> <span class=\"soft\">{}</span></h3>\n",
                        chip(record), anchor_of_case(column, i), plain(record.id),
                        plain(record.reason));
    html += draw_failures(record);
  }
  if (!others.empty()) html += "<ul class=\"others\">\n" + others + "</ul>\n";
  const std::string searched = fmt::format("{} {}", clause.id, clause.rule);
  return fmt::format(
      "<details class=\"case\" id=\"{}\" data-outcome=\"{}\" data-tags=\"{}\" data-text=\"{}\">\n"
      "<summary>{}<b>{}</b> <span class=\"title soft\">{}</span><span class=\"time\">{}</span>"
      "</summary>\n<div class=\"body\">\n{}</div>\n</details>\n",
      anchor_of_cell(column, clause), text(cell.verdict), text(clause.level),
      plain(lowered(searched)), chip(text(cell.verdict), text(cell.verdict)), plain(clause.id),
      plain(clause.rule), plain(describe(cell)), html);
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

std::string Matrix::html_columns() const {
  std::string rows;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const RunRecord& run = columns_[i].given.run;
    const std::string& page = columns_[i].given.page;
    rows += fmt::format(
        "<tr><th><a href=\"#column-{}\">{}</a></th><td>{}</td><td>{}</td><td>{}</td><td>{}</td>"
        "<td>{}</td></tr>\n",
        i, plain(run.sut), plain(run.sut_version), plain(run.world),
        plain(describe(columns_[i].coverage.levels())), plain(describe(count(run))),
        page.empty() ? "" : fmt::format("<a href=\"{}\">its report</a>", plain(page)));
  }
  return table("columns",
               "<th>implementation</th><th>version</th><th>world</th><th>clauses</th>"
               "<th>cases</th><th></th>",
               rows);
}

std::string Matrix::html_filters() const {
  std::array<std::size_t, clause_verdicts> counts{};
  std::set<Level> levels;
  for (const Column& column : columns_) {
    for (const ClauseCoverage& cell : column.coverage.clauses) {
      ++counts[static_cast<std::size_t>(cell.verdict)];
      levels.insert(cell.clause->level);
    }
  }
  std::string html = "<div class=\"filters\" role=\"search\" hidden>\n";
  for (std::size_t i = 0; i < clause_verdicts; ++i) {
    if (counts[i] == 0) continue;
    const std::string_view word = harness::text(static_cast<ClauseVerdict>(i));
    html += fmt::format("<label><input type=\"checkbox\" value=\"{0}\" checked>{1} {2}</label>\n",
                        word, chip(word, word), counts[i]);
  }
  html += "<label>level <select><option value=\"\">any</option>";
  for (const Level level : levels) html += fmt::format("<option>{}</option>", harness::text(level));
  return html +
         "</select></label>\n<label>text <input type=\"search\" size=\"14\"></label>\n"
         "<button type=\"button\" data-open=\"yes\">Open all</button>\n"
         "<button type=\"button\" data-open=\"no\">Close all</button>\n"
         "<output class=\"soft\"></output>\n</div>\n";
}

std::string Matrix::html_sections() const {
  std::string heading = "<th class=\"id\">clause</th><th class=\"rule\">rule</th>";
  for (const Column& column : columns_)
    heading += fmt::format("<th class=\"cell\">{}</th>", plain(column.name));
  std::string html;
  for (const Section& section : clause_catalogue().sections) {
    std::string rows;
    for (const Row& row : rows_of(section.id)) {
      rows += fmt::format(
          "<tr><th class=\"id\">{}<div class=\"soft\">{}</div></th><td class=\"rule\">{}</td>",
          plain(row.clause->id), harness::text(row.clause->level), plain(row.clause->rule));
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        const ClauseCoverage* cell = row.cells[i];
        rows += "<td class=\"cell\">";
        if (cell != nullptr) {
          rows += fmt::format(R"(<a class="chip {0}" href="#{1}" title="{2}">{0}</a>)",
                              harness::text(cell->verdict), anchor_of_cell(i, *row.clause),
                              plain(describe(*cell)));
        } else {
          rows += fmt::format("<span class=\"soft\" title=\"binds {}\">–</span>",
                              harness::text(row.clause->binds));
        }
        rows += "</td>";
      }
      rows += "</tr>\n";
    }
    if (!rows.empty())
      html += fmt::format("<h3>{}</h3>\n", plain(named(section))) +
              table("matrix verdict-matrix", heading, rows);
  }
  return "<section>\n<h2>Clauses</h2>\n" + html + "</section>\n";
}

std::string Matrix::html_stories(std::size_t column) const {
  const Column& of = columns_[column];
  const RunRecord& run = of.given.run;
  std::string html = fmt::format(
      "<section id=\"column-{}\">\n<h2>{} <span class=\"soft\">{}</span>"
      "</h2>\n<p>{}.</p>\n",
      column, plain(of.name), plain(run.sut_version), plain(describe(of.coverage.levels())));
  for (const ClauseCoverage& cell : of.coverage.clauses) html += draw_cell(run, column, cell);
  std::string cases;
  for (std::size_t i = 0; i < run.cases.size(); ++i) {
    if (is_told(run.cases[i])) cases += draw_case(run.cases[i], anchor_of_case(column, i), false);
  }
  if (!cases.empty()) html += "<h3>Cases that did not simply pass</h3>\n" + cases;
  return html + "</section>\n";
}

std::string Matrix::html() const {
  std::string html = page_begin("Conformance to AoEr11 - aoe-harness") +
                     "<header>\n<h1>Conformance to AoEr11</h1>\n</header>\n<main>\n" +
                     html_columns() + html_filters() + html_sections();
  for (std::size_t i = 0; i < columns_.size(); ++i) html += html_stories(i);
  return html + "</main>\n" + page_end();
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
        rows += cell == nullptr
                    ? std::string(" |")
                    : fmt::format(" {} {} |", sign(cell->verdict), harness::text(cell->verdict));
      }
      rows += "\n";
    }
    if (!rows.empty())
      text += fmt::format("\n<details><summary>{}</summary>\n\n{}\n{}\n{}\n</details>\n",
                          plain(named(section)), heading, line, rows);
  }
  return text;
}

std::string Matrix::json() const {
  using Json = nlohmann::ordered_json;
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
    text += heading + "\n" + rows;
  }
  return text;
}

std::string Matrix::junit() const {
  std::vector<const RunRecord*> runs;
  for (const Column& column : columns_) runs.push_back(&column.given.run);
  return to_junit(runs);
}

}  // namespace aoe::harness
