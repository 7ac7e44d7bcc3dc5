#include "harness/report/html_case.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/report/html_ladder.h"
#include "harness/report/html_plot.h"
#include "harness/report/text.h"

namespace aoe::harness {

std::string plain(std::string_view text) {
  return markup(one_line(text));
}

std::string chip(std::string_view outcome, std::string_view words) {
  return fmt::format(R"(<span class="chip {}">{}</span>)", outcome, plain(words));
}

std::string chip(const CaseRecord& record) {
  return chip(text(record.outcome), verdict(record));
}

std::string fact(std::string_view name, const std::string& value) {
  if (value.empty()) return {};
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, plain(value));
}

std::string folded(std::string_view name, const std::string& html) {
  return fmt::format("<details class=\"fold\"><summary>{}</summary>\n{}</details>\n", name, html);
}

std::string table(std::string_view kind, std::string_view heading, const std::string& rows) {
  return fmt::format(
      "<div class=\"wide\" tabindex=\"0\"><table class=\"{}\"><thead><tr>{}</tr></thead>"
      "<tbody>\n{}</tbody></table></div>\n",
      kind, heading, rows);
}

std::string filter_bar(const std::vector<FilterBox>& boxes, const std::set<std::string>& tags) {
  std::string html = "<div class=\"filters\" role=\"search\" hidden>\n";
  for (const FilterBox& box : boxes) {
    html += fmt::format("<label><input type=\"checkbox\" value=\"{}\" checked>{} {}</label>\n",
                        plain(box.value), box.shown, box.count);
  }
  html += "<label>tag <select><option value=\"\">any</option>";
  for (const std::string& tag : tags) html += fmt::format("<option>{}</option>", plain(tag));
  html +=
      "</select></label>\n<label>text <input type=\"search\" size=\"14\"></label>\n"
      "<button type=\"button\" data-open=\"yes\">Open all</button>\n"
      "<button type=\"button\" data-open=\"no\">Close all</button>\n"
      "<output class=\"soft\"></output>\n</div>\n";
  return html;
}

std::string lowered(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; });
  return text;
}

std::string named(const Section& section) {
  const bool is_numbered = section.id.front() >= '0' && section.id.front() <= '9';
  return is_numbered ? fmt::format("§{} {}", section.id, section.title) : section.title;
}

namespace {

std::string pre(std::string_view content) {
  return fmt::format("<pre>{}</pre>\n", markup(content));
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
  std::vector<const DueRecord*> dues;
  for (const DueRecord& due : record.dues) {
    if (due.where == failure.where && !due.met()) dues.push_back(&due);
  }
  html += draw_ladder(failure.ladder, dues);
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

/// What the clauses that it cites ask for.
std::string draw_rules(const CaseRecord& record) {
  std::string rules;
  for (const std::string& id : record.clauses) {
    const Clause* clause = clause_catalogue().find(id);
    if (clause != nullptr) rules += fact(plain(clause->id), clause->rule);
  }
  return rules.empty() ? "" : "<dl class=\"rules\">\n" + rules + "</dl>\n";
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
  if (!record.failures.empty()) html += draw_rules(record);
  if (!record.reason.empty()) html += fmt::format("<p>{}</p>\n", plain(record.reason));
  html += draw_failures(record);
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

}  // namespace

std::string draw_failures(const CaseRecord& record) {
  std::string html;
  for (const FailureRecord& failure : record.failures) html += draw_failure(record, failure);
  return html;
}

std::string draw_case(const CaseRecord& record, const std::string& anchor, bool open) {
  const std::string searched =
      lowered(fmt::format("{} {} {} {} {}", record.id, record.title, record.file,
                          fmt::join(record.clauses, " "), record.reason));
  return fmt::format(
             "<details class=\"case\" id=\"{}\" data-outcome=\"{}\" data-tags=\"{}\" "
             "data-text=\"{}\"{}>\n<summary>{}<b>{}</b> <span class=\"title soft\">{}</span>"
             "<span class=\"time\">{}</span></summary>\n<div class=\"body\">\n",
             anchor, text(record.outcome), markup(fmt::format("{}", fmt::join(record.tags, "\n"))),
             plain(searched), open ? " open" : "", chip(record), plain(record.id),
             plain(record.title), brief(record.took)) +
         draw_body(record) + "</div>\n</details>\n";
}

}  // namespace aoe::harness
