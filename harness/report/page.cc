#include "harness/report/page.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "harness/report/comparison.h"
#include "harness/report/failure_groups.h"
#include "harness/report/frame_fields.h"
#include "harness/report/plain_frames.h"
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

Json levels_of(const Coverage& coverage) {
  Json levels = Json::array();
  for (const LevelTally& tally : coverage.levels()) {
    Json verdicts = Json::object();
    for (std::size_t i = 0; i < clause_verdicts; ++i) {
      const auto verdict = static_cast<ClauseVerdict>(i);
      verdicts[std::string(text(verdict))] = tally.of(verdict);
    }
    levels.push_back({{"level", text(tally.level)},
                      {"clauses", tally.clauses()},
                      {"verdicts", std::move(verdicts)}});
  }
  return levels;
}

Json groups_of(const RunRecord& run) {
  Json groups = Json::array();
  for (const FailureGroup& group : group_failures(run)) {
    groups.push_back({{"clause", group.clause},
                      {"cause", group.cause},
                      {"outcome", text(group.outcome)},
                      {"cases", group.cases}});
  }
  return groups;
}

Json frames_of(const FailureRecord& failure) {
  Json frames = Json::object();
  for (const LadderLine& line : failure.ladder) {
    if (line.bytes.empty()) continue;
    Json& fields = frames[std::to_string(line.frame)] = Json::array();
    for (const FieldView& field : fields_of(from_hex(line.bytes), failure))
      fields.push_back({field.name, field.value, field.at, field.size, field.wrong});
  }
  return frames;
}

Json frames_of(const RunRecord& run) {
  Json cases = Json::object();
  for (std::size_t i = 0; i < run.cases.size(); ++i) {
    if (run.cases[i].failures.empty()) continue;
    Json& failures = cases[std::to_string(i)] = Json::array();
    for (const FailureRecord& failure : run.cases[i].failures)
      failures.push_back(frames_of(failure));
  }
  return cases;
}

/// What the page says where no script may run.
std::string plain_run(const RunRecord& run, const Coverage& coverage) {
  std::string clauses;
  for (const ClauseCoverage& of : coverage.clauses)
    clauses += fmt::format("{}  {:<7}  {:<12}  {}\n", padded(of.clause->id, 24),
                           text(of.clause->level), text(of.verdict), of.clause->rule);
  std::string html =
      plain_section(describe(count(run)),
                    fmt::format("{} {}{}, world {}, seed {}, {}\n{}", run.sut, run.sut_version,
                                run.peer.empty() ? "" : ", peer " + run.peer, run.world, run.seed,
                                run.started, describe(coverage.levels())));
  for (const FailureGroup& group : group_failures(run)) {
    const CaseRecord& first = run.cases[group.cases.front()];
    std::string text = evidence_text(first);
    if (group.cases.size() > 1) text += "\nMore cases by the same cause:\n";
    for (std::size_t i = 1; i < group.cases.size(); ++i)
      text += one_line(run.cases[group.cases[i]].id) + "\n";
    html += plain_section(fmt::format("{} {} {} ({})", harness::text(group.outcome), group.clause,
                                      group.cause, first.id),
                          text, first.failures.empty() ? "" : plain_frames(first.failures.front()));
  }
  return html + plain_section("Clauses", clauses);
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

std::string plain_section(std::string_view heading, std::string_view text, std::string_view more) {
  return fmt::format("<details open><summary>{}</summary>\n<pre>{}</pre>{}</details>\n",
                     markup(one_line(heading)), markup(printable(text)), more);
}

std::string page(std::string_view title, std::string_view view, const std::string& members,
                 const std::string& plain) {
  std::string html(page_html());
  replace(html, "{{data}}",
          within_script(fmt::format(R"({{"view":"{}","standings":{},"catalogue":{},{}}})", view,
                                    standings().dump(), catalogue().dump(), members)));
  // From the end of the page to its beginning, for what is put in may say "{{data}}".
  replace(html, "{{plain}}", plain);
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
  const Json about{{"summary", describe(count(run))}, {"verdict", describe(coverage.levels())},
                   {"levels", levels_of(coverage)},   {"groups", groups_of(run)},
                   {"frames", frames_of(run)},        {"clauses", std::move(clauses)}};
  return fmt::format(R"("run":{},"about":{})", to_json(run),
                     about.dump(-1, ' ', false, Json::error_handler_t::replace));
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
  const Coverage coverage = coverage_of(run);
  std::string members = run_members(run, coverage);
  if (earlier != nullptr) {
    members += ",\"earlier\":" + to_json(outline(*earlier, false)) +
               ",\"changes\":" + comparison_json(compare_runs(*earlier, run), *earlier, run);
  }
  return page(
      fmt::format("{} {}: {} - aoe-harness", run.sut, run.sut_version, describe(count(run))), "run",
      members, plain_run(run, coverage));
}

}  // namespace aoe::harness
