#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/judge/thinning.h"
#include "harness/language/clauses.h"
#include "harness/report/capture_report.h"
#include "harness/report/html_case.h"
#include "harness/report/html_ladder.h"
#include "harness/report/html_page.h"
#include "harness/report/html_plot.h"
#include "harness/report/text.h"

namespace aoe::harness {
namespace {

std::string mac_text(const CaptureCheck& check, const DeviceAccount& device) {
  return device.station ? fmt::format("{}", check.station(*device.station).mac) : "nobody";
}

std::string draw_facts(const CaptureCheck& check, const CaptureReportOptions& options) {
  const CaptureCounts& counts = check.counts();
  std::vector<std::string> initiators;
  for (const Station& station : check.initiators())
    initiators.push_back(fmt::format("{}", station.mac));
  const auto some = [](std::uint64_t count) { return count == 0 ? "" : std::to_string(count); };
  return "<dl class=\"facts\">\n" + fact("frames", std::to_string(counts.frames)) +
         fact("of AoE", std::to_string(counts.aoe)) + fact("took", brief(check.span())) +
         fact("in VLANs", some(counts.tagged)) + fact("cut short", some(counts.cut)) +
         fact("cut off", options.cut_off) +
         fact("asked by", fmt::format("{}", fmt::join(initiators, ", "))) + "</dl>\n";
}

std::string draw_devices(const CaptureCheck& check) {
  std::string rows;
  for (const DeviceAccount& device : check.devices()) {
    std::vector<Duration> times = device.round_trips;
    std::ranges::sort(times);
    std::vector<std::string> errors;
    for (const auto& [error, count] : device.errors)
      errors.push_back(fmt::format("{} x {}", count, error));
    rows += fmt::format("<tr><th>{}</th><td><code>{}</code></td>", device.address,
                        plain(mac_text(check, device)));
    for (const std::uint64_t number :
         {device.requests, device.answered, device.unanswered, device.retransmitted,
          device.duplicates, std::uint64_t{device.outstanding}})
      rows += fmt::format("<td class=\"number\">{}</td>", number);
    for (const unsigned percent : {0U, 50U, 99U, 100U}) {
      rows += fmt::format("<td class=\"number\">{}</td>",
                          times.empty() ? "" : brief(percentile(times, percent)));
    }
    rows += fmt::format("<td>{}</td></tr>\n", plain(fmt::format("{}", fmt::join(errors, ", "))));
  }
  if (rows.empty()) return {};
  std::string heading = "<th>device</th><th>target</th>";
  for (const std::string_view name : {"requests", "answered", "unanswered", "again", "twice",
                                      "outstanding", "shortest", "median", "99 of 100", "longest"})
    heading += fmt::format("<th class=\"number\">{}</th>", name);
  return "<section>\n<h2>Devices</h2>\n" + table("devices", heading + "<th>errors</th>", rows) +
         "</section>\n";
}

std::string draw_plots(const CaptureCheck& check) {
  std::vector<RoundTrip> trips;
  Spread incidents;
  const Ledger& ledger = check.ledger();
  for (FrameId id = 0; id < ledger.size(); ++id) {
    const LedgerEntry& entry = ledger[id];
    if (entry.answers) trips.push_back({check.at(id), entry.sent - ledger[*entry.answers].sent});
    if (entry.repeats) {
      incidents.add({check.at(id), check.number(id),
                     fmt::format("retransmission of {}", check.number(*entry.repeats))});
    }
  }
  CaseRecord record;
  Thinned samples(check.span());
  for (const Dialogue::Outstanding& change : check.outstanding())
    samples.add({change.at - ledger.origin(), change.count, 0, {}});
  record.samples = samples.finish();
  record.incidents = incidents.finish();
  const std::string html =
      plot_round_trips(trips, {}, check.span()) + plot(record, {}, check.span());
  return html.empty() ? html : "<section>\n<h2>Over time</h2>\n" + html + "</section>\n";
}

/// The colour of a level.
std::string_view colour(Level level) {
  switch (level) {
    case Level::must: return "FAIL";
    case Level::should:
    case Level::profile: return "FLAKY";
    case Level::info: return "UNSUPPORTED";
  }
  return "";
}

std::string draw_finding(const CaptureCheck& check, const Finding& finding, std::size_t number) {
  const std::string searched =
      plain(lowered(fmt::format("{} {} {}", finding.rule, finding.clause, finding.actual)));
  return fmt::format(
             "<details class=\"case\" id=\"case-{}\" data-outcome=\"{}\" data-tags=\"{}\" "
             "data-text=\"{}\">\n<summary>{}<b>frame {}</b> <span class=\"title\">{}</span>"
             "<span class=\"time\">{}</span></summary>\n<div class=\"body\">\n",
             number, text(level_of(finding)), finding.rule, searched,
             chip(colour(level_of(finding)), finding.rule), check.number(finding.frame()),
             plain(finding.actual), brief(check.at(finding.frame()))) +
         fmt::format("<p>{} <span class=\"soft\">AoEr11 §{}, {}</span></p>\n",
                     plain(clause_catalogue().find(finding.clause)->rule), finding.clause,
                     text(level_of(finding))) +
         draw_ladder(check.ladder(finding.frames)) + "</div>\n</details>\n";
}

std::string draw_findings(const CaptureCheck& check, const CaptureReportOptions& options) {
  std::map<Level, std::size_t> levels;
  std::set<std::string> kinds;
  FindingCounts told;
  std::string cases;
  std::size_t number = 0;
  for (const Finding& finding : check.findings()) {
    if (!is_at_least(level_of(finding), options.level)) continue;
    if (++told[find_rule(finding.rule)] > options.findings_shown && options.findings_shown > 0)
      continue;
    ++levels[level_of(finding)];
    kinds.insert(finding.rule);
    cases += draw_finding(check, finding, number++);
  }
  std::string more;
  for (const auto& [rule, count] : told) {
    if (options.findings_shown > 0 && count > options.findings_shown)
      more += fmt::format("<p class=\"soft\">{} more of {}</p>\n", count - options.findings_shown,
                          rule->name);
  }
  std::vector<FilterBox> boxes;
  for (const auto& [level, count] : levels) {
    const std::string word(text(level));
    boxes.push_back({word, chip(colour(level), word), count});
  }
  return "<section>\n<h2>What was found</h2>\n" +
         (cases.empty() ? std::string("<p>Nothing.</p>\n") : "") + filter_bar(boxes, kinds) +
         cases + more + "</section>\n";
}

}  // namespace

std::string capture_html(const CaptureCheck& check, const CaptureReportOptions& options) {
  const FindingCounts counts = count_findings(check, options.level);
  std::size_t found = 0;
  for (const auto& [rule, count] : counts) found += count;
  return page_begin(options.file + " checked") + "<main>\n<header>\n<h1>" +
         (found == 0 ? chip("PASS", "nothing found") : chip("FAIL", quantity(found, "finding"))) +
         " " + plain(options.file) + "</h1>\n" + draw_facts(check, options) + "</header>\n" +
         draw_devices(check) + draw_plots(check) + draw_findings(check, options) + "</main>\n" +
         page_end();
}

}  // namespace aoe::harness
