#include "harness/report/capture_report.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/report/text.h"

namespace aoe::harness {
namespace {

std::string mac_text(const Station& station) {
  return station.vlan == 0 ? fmt::format("{}", station.mac)
                           : fmt::format("{} vlan {}", station.mac, station.vlan);
}

std::string station_text(const CaptureCheck& check, const DeviceAccount& device) {
  return device.station ? mac_text(check.station(*device.station)) : "-";
}

std::string round_trip_text(std::vector<Duration> times) {
  if (times.empty()) return "-";
  std::ranges::sort(times);
  return fmt::format("{} / {} / {} / {}", brief(times.front()), brief(percentile(times, 50)),
                     brief(percentile(times, 99)), brief(times.back()));
}

/// Columns are as wide as their widest cell. The first two and the last are aligned to the left.
std::string table_text(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(widths[i] - width(row[i]), ' ');
      const bool left = i < 2 || i + 1 == row.size();
      line += (i == 0 ? "" : "  ") + (left ? row[i] + blanks : blanks + row[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string devices_text(const CaptureCheck& check) {
  if (check.devices().empty()) return {};
  std::vector<std::vector<std::string>> rows{{"device", "target", "requests", "answered",
                                              "unanswered", "again", "twice", "outstanding",
                                              "round trip min / median / p99 / max"}};
  std::string errors;
  for (const DeviceAccount& device : check.devices()) {
    rows.push_back({fmt::format("{}", device.address), station_text(check, device),
                    std::to_string(device.requests), std::to_string(device.answered),
                    std::to_string(device.unanswered), std::to_string(device.retransmitted),
                    std::to_string(device.duplicates), std::to_string(device.outstanding),
                    round_trip_text(device.round_trips)});
    for (const auto& [error, count] : device.errors)
      errors += fmt::format("{}: {} x {}\n", device.address, count, error);
    if (device.pending > 0) {
      errors += fmt::format("{}: the capture ends before {} could be answered\n", device.address,
                            quantity(device.pending, "request"));
    }
  }
  return table_text(rows) + errors;
}

std::string finding_line(const CaptureCheck& check, const Finding& finding,
                         const std::string& file) {
  const FrameId frame = finding.frame();
  return fmt::format("{}: frame {} at {:.6f} s: {}: {} [{}, AoEr11 §{}]", file, check.number(frame),
                     std::chrono::duration<double>(check.at(frame)).count(),
                     text(level_of(finding)), one_line(finding.actual), finding.rule,
                     finding.clause);
}

}  // namespace

bool is_at_least(Level level, Level least) {
  return level <= least;
}

FindingCounts count_findings(const CaptureCheck& check, Level level) {
  FindingCounts counts;
  for (const Finding& finding : check.findings()) {
    if (is_at_least(level_of(finding), level)) ++counts[find_rule(finding.rule)];
  }
  return counts;
}

ShownFindings shown_findings(const CaptureCheck& check, const CaptureReportOptions& options) {
  ShownFindings findings;
  FindingCounts counts;
  for (const Finding& finding : check.findings()) {
    if (!is_at_least(level_of(finding), options.level)) continue;
    const RuleRow* const rule = find_rule(finding.rule);
    if (++counts[rule] <= options.findings_shown || options.findings_shown == 0) {
      findings.shown.push_back(&finding);
    } else {
      ++findings.hidden[rule];
    }
  }
  return findings;
}

Duration percentile(const std::vector<Duration>& sorted, unsigned percent) {
  if (sorted.empty()) return {};
  const std::size_t rank = (sorted.size() * percent + 99) / 100;
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

std::string findings_text(const CaptureCheck& check, const CaptureReportOptions& options) {
  using Ladder = CaptureReportOptions::Ladder;
  std::string lines;
  const auto add_ladder = [&](const std::vector<LadderLine>& ladder) {
    for (const LadderText& line : ladder_text(ladder)) lines += line.text + "\n";
  };
  const ShownFindings findings = shown_findings(check, options);
  for (const Finding* finding : findings.shown) {
    lines += finding_line(check, *finding, options.file) + "\n";
    if (options.ladder == Ladder::around) add_ladder(check.ladder(finding->frames));
  }
  for (const auto& [rule, count] : findings.hidden) {
    lines +=
        fmt::format("{}: {} more of {} (--limit 0 shows all)\n", options.file, count, rule->name);
  }
  if (options.ladder == Ladder::all) add_ladder(check.ladder());
  return lines;
}

std::string summary_text(const CaptureCheck& check, const CaptureReportOptions& options) {
  const CaptureCounts& counts = check.counts();
  std::string text = fmt::format(
      "{}: {} in {}; {} of AoE: {}, {}\n", options.file, quantity(counts.frames, "frame"),
      brief(check.span()), counts.aoe, quantity(counts.requests, "request"),
      counts.replies == 1 ? "1 reply" : fmt::format("{} replies", counts.replies));
  std::vector<std::string> notes;
  if (counts.frames > counts.aoe)
    notes.push_back(fmt::format("{} not of AoE", quantity(counts.frames - counts.aoe, "frame")));
  if (counts.tagged > 0)
    notes.push_back(fmt::format("{} in VLANs", quantity(counts.tagged, "frame")));
  if (counts.cut > 0) {
    notes.push_back(fmt::format(
        "{} cut short by the capture{}", quantity(counts.cut, "frame"),
        counts.unjudged > 0 ? fmt::format(", {} too short to judge", counts.unjudged) : ""));
  }
  if (!notes.empty()) text += fmt::format("{}\n", fmt::join(notes, "; "));
  if (!options.cut_off.empty())
    text += fmt::format("the capture is cut off: {}\n", options.cut_off);
  const auto initiators = check.initiators();
  if (!initiators.empty()) {
    std::vector<std::string> names;
    names.reserve(initiators.size());
    for (const Station& station : initiators) names.push_back(mac_text(station));
    text += fmt::format("asked by {}\n", fmt::join(names, ", "));
  }
  text += devices_text(check);
  std::vector<std::string> found;
  for (const auto& [rule, count] : count_findings(check, options.level))
    found.push_back(fmt::format("{} {}", count, rule->name));
  if (found.empty()) return text + "nothing found\n";
  return text + fmt::format("found: {}\n", fmt::join(found, ", "));
}

}  // namespace aoe::harness
