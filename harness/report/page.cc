#include "harness/report/page.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "harness/report/text.h"

namespace aoe::harness {

std::string_view page_html();  // made by page/page.cmake

namespace {

using Json = nlohmann::ordered_json;

Json standings() {
  Json standings;
  for (std::size_t i = 0; i < outcomes; ++i) {
    const auto outcome = static_cast<Outcome>(i);
    standings[std::string(text(outcome))] = look_of(standing_of(outcome)).word;
  }
  return standings;
}

Json catalogue() {
  Json sections = Json::array();
  for (const Section& section : clause_catalogue().sections)
    sections.push_back({{"id", section.id}, {"name", named(section)}});
  Json clauses;
  for (const Clause& clause : clause_catalogue().clauses) {
    clauses[clause.id] = {{"section", clause.section},
                          {"level", text(clause.level)},
                          {"binds", text(clause.binds)},
                          {"rule", clause.rule},
                          {"room", clause.room}};
  }
  return {{"sections", std::move(sections)}, {"clauses", std::move(clauses)}};
}

void replace(std::string& text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  AOE_CHECK(at != std::string::npos);
  text.replace(at, what.size(), with);
}

/// JSON has a "<" in strings only. Without any, no text ends the element that it stands in.
std::string within_script(std::string_view json) {
  std::string result;
  for (const char c : json) {
    if (c == '<') {
      result += "\\u003c";
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace

std::string page(std::string_view title, std::string_view view, const std::string& members) {
  std::string html(page_html());
  replace(html, "{{data}}",
          within_script(fmt::format(R"({{"view":"{}","standings":{},"catalogue":{},{}}})", view,
                                    standings().dump(), catalogue().dump(), members)));
  // Last, for the title may say "{{data}}"; its own place comes before any text of the data.
  replace(html, "{{title}}", markup(one_line(title)));
  return html;
}

std::string run_members(const RunRecord& run, const Coverage& coverage) {
  Json clauses = Json::array();
  for (const ClauseCoverage& of : coverage.clauses) {
    clauses.push_back({{"id", of.clause->id},
                       {"verdict", text(of.verdict)},
                       {"words", describe(of)},
                       {"cases", of.cases}});
  }
  const Json about{{"summary", describe(count(run))},
                   {"verdict", describe(coverage.levels())},
                   {"clauses", std::move(clauses)}};
  return fmt::format(R"("run":{},"about":{})", to_json(run), about.dump());
}

RunRecord outline(RunRecord run, bool keep_failed) {
  for (CaseRecord& record : run.cases) {
    if (keep_failed && needs_story(record.outcome)) continue;
    record.failures.clear();
    record.steps.clear();
    record.dues.clear();
    record.samples.clear();
    record.incidents.clear();
    record.yaml.clear();
    record.log.clear();
  }
  return run;
}

std::string to_html(const RunRecord& run, const RunRecord* earlier) {
  return page(describe(count(run)) + " - aoe-harness", "run",
              run_members(run, coverage_of(run)) +
                  (earlier == nullptr ? "" : ",\"earlier\":" + to_json(outline(*earlier, false))));
}

}  // namespace aoe::harness
