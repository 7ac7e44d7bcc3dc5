#include "harness/report/html.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/report/html_page.h"
#include "harness/report/html_plot.h"
#include "harness/report/text.h"

namespace aoe::harness {
namespace {

constexpr std::size_t slowest_shown = 10;

/// AoEr11's sections with rules in them.
const std::map<std::string, std::string> sections{
    {"2", "Header, tags, addresses"}, {"2.4", "Errors"},        {"3.1", "ATA commands"},
    {"3.2", "Query config"},          {"3.3", "MAC mask list"}, {"3.4", "Reserve and release"}};

std::string plain(std::string_view text) {
  return markup(one_line(text));
}

std::string chip(std::string_view outcome, std::string_view words) {
  return fmt::format(R"(<span class="chip {}">{}</span>)", outcome, plain(words));
}

std::string chip(const CaseRecord& record) {
  return chip(text(record.outcome), verdict(record));
}

std::string pre(std::string_view content) {
  return fmt::format("<pre>{}</pre>\n", markup(content));
}

std::string fact(std::string_view name, const std::string& value) {
  if (value.empty()) return {};
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, plain(value));
}

/// A part that is not shown at once.
std::string folded(std::string_view name, const std::string& html) {
  return fmt::format("<details class=\"fold\"><summary>{}</summary>\n{}</details>\n", name, html);
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; });
  return text;
}

/// In a table that may be wider than the page.
std::string table(std::string_view kind, std::string_view heading, const std::string& rows) {
  return fmt::format(
      "<div class=\"wide\" tabindex=\"0\"><table class=\"{}\"><thead><tr>{}</tr></thead>"
      "<tbody>\n{}</tbody></table></div>\n",
      kind, heading, rows);
}

// The ladder.

constexpr std::string_view lives = R"(<path class="life" d="M6 0V22M144 0V22"/>)";

/// A frame's way between the two ends: red and cut short where it was dropped.
std::string draw_wire(const LadderLine& line) {
  const bool dropped = line.fate.starts_with("dropped");
  std::string svg =
      R"(<svg viewBox="0 0 150 22" preserveAspectRatio="none" role="img" aria-label=")" +
      std::string(line.to_target ? "to the target" : "to the initiator") +
      (dropped ? ", lost" : "") + R"("><path class="life" d="M6 0V22M144 0V22"/>)";
  const double begin = line.to_target ? 6 : 144;
  const double end = dropped ? 75 : line.to_target ? 144 : 6;
  const int toward = line.to_target ? 1 : -1;
  svg += fmt::format(R"(<path class="wire{}" d="M{} 11H{}"/>)",
                     line.struck && !dropped ? " dashed" : "", begin, end);
  if (dropped) {
    svg += fmt::format(R"(<path class="lost" d="M{0} 5l12 12m0-12l-12 12"/>)", end - 6);
  } else {
    svg += fmt::format(R"(<path class="head" d="M{0} 11l{1} -4v8Z"/>)", end, -9 * toward);
  }
  return svg + "</svg>";
}

/// A row of the ladder, or an edge of a window that it passes.
struct Rung {
  Duration at{};
  const LadderLine* line = nullptr;
  std::string edge{};
};

std::string draw_ladder(const CaseRecord& record, const FailureRecord& failure) {
  if (failure.ladder.empty()) return {};
  std::vector<Rung> rungs;
  for (const LadderLine& line : failure.ladder) rungs.push_back({line.at, &line});
  std::vector<const DueRecord*> dues;
  for (const DueRecord& due : record.dues) {
    if (due.where != failure.where || due.met()) continue;
    dues.push_back(&due);
    const bool late = !due.came || *due.came > due.latest;
    rungs.push_back({due.earliest, nullptr, plain(due.what) + " may come from here on"});
    rungs.push_back({due.latest, nullptr,
                     plain(due.what) + " is due by here" + (late ? ", and is not there" : "")});
  }
  std::ranges::stable_sort(rungs, {}, &Rung::at);
  const Duration first = failure.ladder.front().at;
  const std::string nobody = fmt::format(
      "<svg viewBox=\"0 0 150 22\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{}</svg>",
      lives);
  std::string rows;
  for (const Rung& rung : rungs) {
    const std::string time = in_milliseconds(rung.at - first);
    const bool inside = std::ranges::any_of(dues, [&](const DueRecord* due) {
      return rung.at >= due->earliest && rung.at <= due->latest;
    });
    if (rung.line == nullptr) {
      rows += fmt::format(
          "<tr class=\"edge\"><td class=\"time\">{}</td><td></td><td>{}</td>"
          "<td colspan=\"2\">{}</td></tr>\n",
          time, nobody, rung.edge);
      continue;
    }
    const LadderLine& line = *rung.line;
    if (line.gap_before) {
      rows += fmt::format(
          "<tr class=\"gap\"><td class=\"time\">⋮</td><td></td><td>{}</td>"
          "<td colspan=\"2\">other frames</td></tr>\n",
          nobody);
    }
    rows += fmt::format(
        "<tr class=\"frame{}{}{}\"><td class=\"time\">{}</td><td "
        "class=\"number\">{}</td><td>{}</td>"
        "<td>{}</td><td>{}</td></tr>\n",
        line.struck ? " struck" : "", line.guilty ? " guilty" : "", inside ? " inside" : "", time,
        line.frame, draw_wire(line), plain(line.what),
        line.fate.empty() ? R"(<span class="soft">delivered</span>)" : plain(line.fate));
  }
  return table("ladder",
               "<th class=\"number\">t (ms)</th><th class=\"number\">#</th>"
               "<th><span class=\"ends\"><span>initiator</span><span>target</span></span></th>"
               "<th>frame</th><th>fate</th>",
               rows) +
         fmt::format("<p class=\"soft\">t counts from frame #{}, {} into the run.</p>\n",
                     failure.ladder.front().frame, brief(first));
}

/// The plot of what a failure is about, where that is a small part of the run.
std::string draw_closer(const CaseRecord& record, const FailureRecord& failure) {
  if (failure.ladder.empty()) return {};
  Duration from = failure.ladder.front().at;
  Duration until = failure.ladder.back().at;
  for (const DueRecord& due : record.dues) {
    if (due.where != failure.where || due.met()) continue;
    from = std::min(from, due.since);
    until = std::max({until, due.latest, due.came.value_or(due.latest)});
  }
  const Duration margin = std::max((until - from) / 20, Duration(1000));
  if (until - from > record.took / 3 * 2) return {};
  return plot(record, std::max(from - margin, Duration{}), until + margin);
}

std::string draw_failure(const CaseRecord& record, const FailureRecord& failure) {
  std::string html = fmt::format(
      "<div class=\"failure\"><p class=\"where\">{} · {}</p>\n<dl class=\"verdicts\">"
      "<dt>expected</dt><dd>{}</dd><dt>actual</dt><dd><strong>{}</strong></dd></dl>\n",
      plain(failure.where), plain(failure.rule), plain(failure.expected), plain(failure.actual));
  html += draw_ladder(record, failure);
  if (const std::string closer = draw_closer(record, failure); !closer.empty())
    html += "<h3>Around it</h3>\n" + closer;
  return html + "</div>\n";
}

// A case.

std::string draw_key(const CaseRecord& record) {
  std::string key = "<p class=\"key\">";
  const auto add = [&](std::string_view colour, std::string_view words) {
    key += fmt::format("<span><i style=\"background:var(--{})\"></i>{}</span>", colour, words);
  };
  if (!record.samples.empty()) add("open", "outstanding");
  if (!record.incidents.empty()) {
    add("bad", "struck by a fault");
    add("warn", "sent again");
  }
  if (std::ranges::any_of(record.dues, &DueRecord::met)) add("due", "when it was due");
  if (!std::ranges::all_of(record.dues, &DueRecord::met))
    add("due-bad", "when it was due, and did not come");
  return key + "</p>\n";
}

std::string draw_steps(const CaseRecord& record) {
  std::string rows;
  for (const StepRecord& step : record.steps) {
    rows += fmt::format(
        "<tr{}><td class=\"number\">{}</td><td class=\"number\">{}</td><td>{}</td>"
        "<td><code>{}</code></td><td class=\"where\">{}</td></tr>\n",
        step.met ? "" : " class=\"unmet\"", in_milliseconds(step.began),
        brief(step.ended - step.began), plain(step.word) + (step.met ? "" : " ✕"), plain(step.text),
        plain(step.where));
  }
  return table("steps",
               "<th class=\"number\">t (ms)</th><th class=\"number\">took</th><th>step</th>"
               "<th></th><th></th>",
               rows);
}

std::string draw_evidence(const CaseRecord& record) {
  if (record.folder.empty()) return {};
  std::string links;
  for (const std::string_view file :
       {"ledger.jsonl", "initiator-side.pcap", "target-side.pcap", "sut.log", "repro.sh"}) {
    std::string target;  // of the link: as it is in a URL
    for (const char c : record.folder) {
      const bool safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') ||
                        std::string_view("-_./=,").find(c) != std::string_view::npos;
      target += safe ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    links += fmt::format("{}<a href=\"{}{}/{}\">{}</a>", links.empty() ? "" : ", ",
                         target.starts_with('/') ? "." : "./", target, file, file);
  }
  return fmt::format("<p class=\"soft\">In the run's folder, as far as there were any: {}</p>\n",
                     links);
}

std::string draw_body(const CaseRecord& record) {
  std::string html = "<dl class=\"facts\">\n";
  html += fact("clause", fmt::format("{}", fmt::join(record.clauses, ", ")));
  html += fact("level", record.level);
  html += fact("tags", fmt::format("{}", fmt::join(record.tags, ", ")));
  html += fact("file", record.file);
  html += fact("seed", std::to_string(record.seed));
  html += fact("requests", std::to_string(record.requests));
  html += fact("frames", std::to_string(record.frames));
  html += fact("struck", std::to_string(record.struck));
  html += fact("retransmissions", std::to_string(record.retransmissions));
  if (record.tries > 1)
    html += fact("tries", fmt::format("{}, {} passed", record.tries, record.tries_passed));
  html +=
      fact("took", fmt::format("{} in its world, {} here", brief(record.took), brief(record.real)));
  html += "</dl>\n";
  if (!record.reason.empty()) html += fmt::format("<p>{}</p>\n", plain(record.reason));
  for (const FailureRecord& failure : record.failures) html += draw_failure(record, failure);
  if (!record.reproduce.empty()) {
    html += "<h3>To see it again</h3>\n<div class=\"copy\">" + pre(record.reproduce) +
            "<button type=\"button\" hidden>Copy</button></div>\n";
  }
  if (const std::string whole = plot(record, Duration{}, record.took); !whole.empty())
    html += "<h3>The whole run</h3>\n" + whole + draw_key(record);
  if (!record.notes.empty()) {
    html += "<h3>Measured</h3>\n<ul>\n";
    for (const std::string& note : record.notes) html += fmt::format("<li>{}</li>\n", plain(note));
    html += "</ul>\n";
  }
  if (!record.steps.empty())
    html += folded(quantity(record.steps.size(), "step"), draw_steps(record));
  if (!record.yaml.empty()) html += folded("The scenario as it was run", pre(record.yaml));
  if (!record.log.empty()) html += folded("What the implementation said", pre(record.log));
  return html + draw_evidence(record);
}

std::string draw_case(const CaseRecord& record, std::size_t number, bool open) {
  const std::string searched =
      lower(fmt::format("{} {} {} {} {}", record.id, record.title, record.file,
                        fmt::join(record.clauses, " "), record.reason));
  return fmt::format(
             "<details class=\"case\" id=\"case-{}\" data-outcome=\"{}\" data-tags=\"{}\" "
             "data-text=\"{}\"{}>\n<summary>{}<b>{}</b> <span class=\"title soft\">{}</span>"
             "<span class=\"time\">{}</span></summary>\n<div class=\"body\">\n",
             number, text(record.outcome), markup(fmt::format("{}", fmt::join(record.tags, "\n"))),
             plain(searched), open ? " open" : "", chip(record), plain(record.id),
             plain(record.title), brief(record.took)) +
         draw_body(record) + "</div>\n</details>\n";
}

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
  std::string html = "<div class=\"filters\" role=\"search\" hidden>\n";
  for (std::size_t i = 0; i < outcomes; ++i) {
    if (counts[i] == 0) continue;
    const std::string_view word = text(static_cast<Outcome>(i));
    html += fmt::format("<label><input type=\"checkbox\" value=\"{0}\" checked>{1} {2}</label>\n",
                        word, chip(word, word), counts[i]);
  }
  std::set<std::string> tags;
  for (const CaseRecord& record : run.cases) tags.insert(record.tags.begin(), record.tags.end());
  html += "<label>tag <select><option value=\"\">any</option>";
  for (const std::string& tag : tags) html += fmt::format("<option>{}</option>", plain(tag));
  html +=
      "</select></label>\n<label>text <input type=\"search\" size=\"14\"></label>\n"
      "<button type=\"button\" data-open=\"yes\">Open all</button>\n"
      "<button type=\"button\" data-open=\"no\">Close all</button>\n"
      "<output class=\"soft\"></output>\n</div>\n";
  return html;
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

std::string draw_coverage(const RunRecord& run) {
  std::map<std::string, Counts> clauses;
  for (const auto& [section, title] : sections) clauses[section] = {};
  for (const CaseRecord& record : run.cases) {
    for (const std::string& clause : record.clauses)
      ++clauses[clause][static_cast<std::size_t>(record.outcome)];
  }
  std::string rows;
  for (const auto& [clause, counts] : clauses) {
    std::string chips;
    for (std::size_t i = 0; i < outcomes; ++i) {
      const std::string_view word = text(static_cast<Outcome>(i));
      if (counts[i] > 0) chips += chip(word, fmt::format("{} {}", counts[i], word)) + " ";
    }
    const auto section = sections.find(clause);
    const bool numbered = !clause.empty() && clause.front() >= '0' && clause.front() <= '9';
    rows += fmt::format("<tr><th>{}{}</th><td>{}</td><td class=\"soft\">{}</td></tr>\n",
                        numbered ? "§" : "", plain(clause), chips.empty() ? "untested" : chips,
                        section == sections.end() ? "" : section->second);
  }
  return "<section>\n<h2>Clauses of AoEr11, and traits of implementations</h2>\n" +
         table("clauses", "<th>clause</th><th>cases</th><th></th>", rows) + "</section>\n";
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
  html += draw_filters(run) + draw_matrix(run) + "<section>\n<h2>Cases</h2>\n";
  const auto first_bad =
      std::ranges::find_if(run.cases, [](const auto& record) { return is_bad(record.outcome); });
  for (auto record = run.cases.begin(); record != run.cases.end(); ++record) {
    html += draw_case(*record, static_cast<std::size_t>(record - run.cases.begin()),
                      record == first_bad);
  }
  html += "</section>\n" + draw_coverage(run);
  if (!run.cases.empty()) html += draw_slowest(run, then);
  return html + "</main>\n" + page_end();
}

}  // namespace aoe::harness
