#include "harness/report/html.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/judge/coverage.h"
#include "harness/report/html_case.h"
#include "harness/report/html_page.h"
#include "harness/report/text.h"

namespace aoe::harness {
namespace {

constexpr std::size_t slowest_shown = 10;

// The run.

bool is_bad(Outcome outcome) {
  return outcome == Outcome::failed || outcome == Outcome::broken ||
         outcome == Outcome::unexpected_pass;
}

std::string draw_header(const RunRecord& run) {
  const Counts counts = count(run);
  const bool bad = std::ranges::any_of(
      run.cases, [](const CaseRecord& record) { return is_bad(record.outcome); });
  const bool well = std::ranges::all_of(
      run.cases, [](const CaseRecord& record) { return is_well(record.outcome); });
  std::string html = fmt::format("<header>\n<h1>{} {}</h1>\n<dl class=\"facts\">\n",
                                 chip(bad                        ? "FAIL"
                                      : well && !run.interrupted ? "PASS"
                                                                 : "FLAKY",
                                      bad               ? "failed"
                                      : run.interrupted ? "interrupted"
                                      : well            ? "passed"
                                                        : "in doubt"),
                                 plain(describe(counts)));
  html += fact("verdict", run.suite.empty() ? "" : describe(coverage_of(run).levels()));
  html += fact("implementation", run.sut + (run.sut_version.empty() ? "" : ", " + run.sut_version));
  html += fact("world", run.world);
  html += fact("seed", std::to_string(run.seed));
  if (run.slack > Duration{}) html += fact("times known to", brief(run.slack));
  html += fact("started", run.started);
  html += fact("took", brief(run.real));
  html += fact("aoe-harness", run.version);
  html += "</dl>\n";
  if (run.interrupted) {
    html += fmt::format("<p><strong>Interrupted.</strong> Not run: {}</p>\n",
                        plain(fmt::format("{}", fmt::join(run.not_run, ", "))));
  }
  return html + "</header>\n";
}

/// What a reader in a hurry wants to know.
std::string draw_failed(const RunRecord& run) {
  std::string rows;
  for (std::size_t i = 0; i < run.cases.size(); ++i) {
    const CaseRecord& record = run.cases[i];
    if (is_well(record.outcome)) continue;
    std::string what = plain(record.reason);
    if (!record.failures.empty()) {
      const FailureRecord& failure = record.failures.front();
      what = fmt::format("expected {}<br><strong>{}</strong>", plain(failure.expected),
                         plain(failure.actual));
    }
    rows += fmt::format("<tr><td>{}</td><th><a href=\"#case-{}\">{}</a></th><td>{}</td></tr>\n",
                        chip(record), i, plain(record.id), what);
  }
  if (rows.empty()) return {};
  return "<section>\n<h2>What is not as it should be</h2>\n" +
         table("failed", "<th></th><th>case</th><th>what happened</th>", rows) + "</section>\n";
}

std::string draw_filters(const RunRecord& run) {
  const Counts counts = count(run);
  std::vector<FilterBox> boxes;
  for (std::size_t i = 0; i < outcomes; ++i) {
    const std::string word(text(static_cast<Outcome>(i)));
    if (counts[i] > 0) boxes.push_back({word, chip(word, word), counts[i]});
  }
  std::set<std::string> tags;
  for (const CaseRecord& record : run.cases) tags.insert(record.tags.begin(), record.tags.end());
  return filter_bar(boxes, tags);
}

std::string draw_matrix(const RunRecord& run) {
  struct Row {
    std::string title;
    std::string chips;
  };
  std::vector<std::string> order;
  std::map<std::string, Row> rows;
  for (std::size_t i = 0; i < run.cases.size(); ++i) {
    const CaseRecord& record = run.cases[i];
    const std::string scenario = scenario_of(record);
    const auto [row, fresh] = rows.try_emplace(scenario, Row{record.title, ""});
    if (fresh) order.push_back(scenario);
    const std::string variant = variant_of(record);
    row->second.chips +=
        fmt::format("<a class=\"chip {}\" href=\"#case-{}\" title=\"{}\">{}</a>",
                    text(record.outcome), i, plain(record.reason),
                    plain(variant.empty()                     ? verdict(record)
                          : record.outcome == Outcome::passed ? variant
                                                              : verdict(record) + " " + variant));
  }
  std::string html;
  for (const std::string& scenario : order) {
    const Row& row = rows.at(scenario);
    html += fmt::format(
        "<tr><th>{}<div class=\"soft\">{}</div></th><td><div class=\"chips\">{}</div></td></tr>\n",
        plain(scenario), plain(row.title), row.chips);
  }
  std::string legend = "<p class=\"legend\">";
  constexpr std::array<std::string_view, outcomes> meanings{
      "kept to the rule",
      "broke it",
      "passed some of its tries",
      "could not be told here",
      "the implementation or the world has no such thing",
      "the world or the program gave out",
      "fails, as is known",
      "passes, though it is known to fail"};
  const Counts counts = count(run);
  for (std::size_t i = 0; i < outcomes; ++i) {
    if (counts[i] == 0) continue;
    const std::string_view word = text(static_cast<Outcome>(i));
    legend += fmt::format("<span>{} {}</span>\n", chip(word, word), meanings[i]);
  }
  return "<section>\n<h2>Scenarios</h2>\n" + legend + "</p>\n" +
         table("matrix", "<th>scenario</th><th>came of it</th>", html) + "</section>\n";
}

/// The cases of a clause, those that are not well first.
std::string draw_citing(const RunRecord& run, const ClauseCoverage& coverage) {
  if (coverage.cases.empty()) return plain(describe(coverage));
  std::vector<std::size_t> cases = coverage.cases;
  std::ranges::stable_partition(
      cases, [&](std::size_t i) { return run.cases[i].outcome != Outcome::passed; });
  std::string links;
  for (const std::size_t i : cases) {
    const CaseRecord& record = run.cases[i];
    links += fmt::format("<a class=\"chip {}\" href=\"#case-{}\" title=\"{}\">{}</a>",
                         text(record.outcome), i, plain(record.title), plain(record.id));
  }
  const std::string chips = "<div class=\"chips\">" + links + "</div>";
  return cases.size() <= 3 ? chips : folded(plain(describe(coverage)), chips);
}

std::string draw_coverage(const RunRecord& run) {
  const Coverage coverage = coverage_of(run);
  if (coverage.clauses.empty()) return {};
  std::string rows;
  for (const Section& section : clause_catalogue().sections) {
    const auto clauses = coverage.of_section(section.id);
    if (clauses.empty()) continue;
    rows += fmt::format("<tr class=\"section\"><th colspan=\"4\">{}</th></tr>\n",
                        plain(named(section)));
    for (const ClauseCoverage* of : clauses) {
      rows += fmt::format(
          "<tr id=\"clause-{0}\"><th>{0}</th><td>{1}</td><td class=\"soft\">{2}</td>"
          "<td>{3}{4}{5}</td></tr>\n",
          plain(of->clause->id), chip(text(of->verdict), text(of->verdict)),
          text(of->clause->level), plain(of->clause->rule),
          of->clause->room.empty()
              ? ""
              : fmt::format("<div class=\"soft\">{}</div>", plain(of->clause->room)),
          draw_citing(run, *of));
    }
  }
  return fmt::format(
             "<section id=\"clauses\">\n<h2>Clauses of AoEr11, and traits of "
             "implementations</h2>\n<p>{}.</p>\n",
             plain(describe(coverage.levels()))) +
         table("clauses", "<th>clause</th><th></th><th>level</th><th>rule, and cases</th>", rows) +
         "</section>\n";
}

std::string draw_probes(const RunRecord& run) {
  if (run.probes.empty()) return {};
  std::string rows;
  for (const ProbeRecord& probe : run.probes) {
    rows +=
        fmt::format("<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>\n", plain(probe.ability),
                    probe.has ? chip("PASS", "has") : chip("UNSUPPORTED", "lacks"),
                    plain(probe.asked), plain(probe.answered));
  }
  return "<section>\n<h2>What it has</h2>\n" +
         table("probes", "<th></th><th></th><th>asked</th><th>answered</th>", rows) +
         "</section>\n";
}

std::string draw_slowest(const RunRecord& run,
                         const std::map<std::string, const CaseRecord*>& then) {
  std::vector<std::size_t> order(run.cases.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t i) { return run.cases[i].real; });
  order.resize(std::min(order.size(), slowest_shown));
  std::string rows;
  for (const std::size_t i : order) {
    const CaseRecord& record = run.cases[i];
    const double part =
        static_cast<double>(record.real.count()) /
        static_cast<double>(std::max<Duration::rep>(run.cases[order[0]].real.count(), 1));
    rows += fmt::format("<tr><th><a href=\"#case-{}\">{}</a></th><td class=\"number\">{}</td>", i,
                        plain(record.id), brief(record.real));
    if (!then.empty()) {
      const auto before = then.find(record.id);
      rows += before == then.end()
                  ? "<td class=\"number\">new</td><td></td>"
                  : fmt::format("<td class=\"number\">{}</td><td class=\"number\">{}{}</td>",
                                brief(before->second->real),
                                record.real > before->second->real ? "+" : "",
                                brief(record.real - before->second->real));
    }
    rows += fmt::format(
        "<td class=\"bars\"><span class=\"bar\" style=\"width:{:.1f}%\"></span></td></tr>\n",
        part * 100);
  }
  return "<section>\n<h2>Slowest</h2>\n" +
         table("slowest",
               std::string("<th>case</th><th class=\"number\">took</th>") +
                   (then.empty() ? "" : "<th class=\"number\">before</th><th></th>") + "<th></th>",
               rows) +
         "</section>\n";
}

std::string draw_changes(const RunRecord& run, const RunRecord& earlier,
                         const std::map<std::string, const CaseRecord*>& then) {
  std::string rows;
  std::string fresh;
  std::string gone;
  std::set<std::string> ids;
  for (std::size_t i = 0; i < run.cases.size(); ++i) {
    const CaseRecord& record = run.cases[i];
    ids.insert(record.id);
    const auto before = then.find(record.id);
    const std::string link = fmt::format("<a href=\"#case-{}\">{}</a>", i, plain(record.id));
    if (before == then.end()) {
      fresh += (fresh.empty() ? "" : ", ") + link;
    } else if (before->second->outcome != record.outcome) {
      rows += fmt::format("<tr><th>{}</th><td>{} → {}</td></tr>\n", link, chip(*before->second),
                          chip(record));
    }
  }
  for (const CaseRecord& record : earlier.cases) {
    if (!ids.contains(record.id)) gone += (gone.empty() ? "" : ", ") + plain(record.id);
  }
  const std::string about =
      fmt::format("<p class=\"soft\">Compared with the run of {} (seed {}), which took {}.</p>\n",
                  plain(earlier.started), earlier.seed, brief(earlier.real));
  return "<section>\n<h2>Since the earlier run</h2>\n" + about +
         (rows.empty() ? "<p>Each case that was in both came out as before.</p>\n"
                       : table("changes", "<th>case</th><th>before, and now</th>", rows)) +
         (fresh.empty() ? "" : folded("New cases", "<p>" + fresh + "</p>\n")) +
         (gone.empty() ? "" : folded("Not run any more", "<p>" + gone + "</p>\n")) + "</section>\n";
}

}  // namespace

std::string to_html(const RunRecord& run, const RunRecord* earlier) {
  std::map<std::string, const CaseRecord*> then;
  if (earlier != nullptr) {
    for (const CaseRecord& record : earlier->cases) then[record.id] = &record;
  }
  std::string html = page_begin(describe(count(run)) + " - aoe-harness") + draw_header(run) +
                     "<main>\n" + draw_failed(run);
  if (earlier != nullptr) html += draw_changes(run, *earlier, then);
  // What a suite is about comes first; of any other run, what its cases are.
  if (!run.suite.empty()) html += draw_probes(run) + draw_coverage(run);
  html += draw_filters(run) + draw_matrix(run) + "<section>\n<h2>Cases</h2>\n";
  const auto first_bad =
      std::ranges::find_if(run.cases, [](const auto& record) { return is_bad(record.outcome); });
  for (auto record = run.cases.begin(); record != run.cases.end(); ++record) {
    html +=
        draw_case(*record, fmt::format("case-{}", record - run.cases.begin()), record == first_bad);
  }
  html += "</section>\n";
  if (run.suite.empty()) html += draw_coverage(run);
  if (!run.cases.empty()) html += draw_slowest(run, then);
  return html + "</main>\n" + page_end();
}

}  // namespace aoe::harness
