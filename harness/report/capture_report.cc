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

std::string round_trip_text(const DeviceAccount& device) {
  if (device.round_trips.count() == 0) return "-";
  return fmt::format("{} / {} / {} / {}", brief(device.round_trips.min()),
                     brief(device.round_trips.percentile(50)),
                     brief(device.round_trips.percentile(99)),
                     brief(device.round_trips.percentile(100)));
}

/// "1 reply", "2 replies".
std::string counted(std::uint64_t number, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", number, number == 1 ? one : many);
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
                    round_trip_text(device)});
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

std::string lines_of(const std::vector<LadderLine>& ladder) {
  std::string lines;
  for (const LadderText& line : ladder_text(ladder)) lines += line.text + "\n";
  return lines;
}

}  // namespace

bool is_at_least(Level level, Level least) {
  return level <= least;
}

FindingCounts count_findings(const CaptureCheck& check, Level level) {
  FindingCounts counts;
  for (const auto& [rule, by_level] : check.findings().counts()) {
    for (std::size_t i = 0; i < by_level.size(); ++i) {
      if (by_level[i] > 0 && is_at_least(static_cast<Level>(i), level)) counts[rule] += by_level[i];
    }
  }
  return counts;
}

ShownFindings shown_findings(const CaptureCheck& check, const CaptureReportOptions& options) {
  ShownFindings findings{.shown = {}, .hidden = count_findings(check, options.level)};
  FindingCounts shown;
  for (const Finding& finding : check.findings().kept()) {
    if (!is_at_least(level_of(finding), options.level)) continue;
    const RuleRow* const rule = find_rule(finding.rule);
    if (++shown[rule] > options.findings_shown && options.findings_shown != 0) continue;
    findings.shown.push_back(&finding);
    if (--findings.hidden[rule] == 0) findings.hidden.erase(rule);
  }
  return findings;
}

std::string finding_text(const CaptureCheck& check, const Finding& finding,
                         const CaptureReportOptions& options) {
  std::string text = finding_line(check, finding, options.file) + "\n";
  if (options.ladder == CaptureReportOptions::Ladder::around)
    text += lines_of(check.ladder(finding.frames));
  return text;
}

std::string hidden_text(const ShownFindings& findings, const CaptureReportOptions& options) {
  std::string text;
  for (const auto& [rule, count] : findings.hidden) {
    text +=
        fmt::format("{}: {} more of {} (--limit 0 shows all)\n", options.file, count, rule->name);
  }
  return text;
}

std::string findings_text(const CaptureCheck& check, const CaptureReportOptions& options) {
  const ShownFindings findings = shown_findings(check, options);
  std::string text;
  for (const Finding* finding : findings.shown) text += finding_text(check, *finding, options);
  text += hidden_text(findings, options);
  if (options.ladder == CaptureReportOptions::Ladder::all) text += lines_of(check.ladder());
  return text;
}

std::vector<std::string> notes_of(const CaptureCheck& check) {
  const CaptureNotes& notes = check.notes();
  std::vector<std::string> lines;
  const auto add = [&]<class... Arguments>(fmt::format_string<Arguments...> format,
                                           Arguments&&... arguments) {
    lines.push_back(fmt::format(format, std::forward<Arguments>(arguments)...));
  };
  if (notes.other_links > 0) {
    add("{} of link types other than Ethernet and Linux' \"any\" can't be read",
        quantity(notes.other_links, "frame"));
  }
  if (notes.without_destination > 0) {
    add("{} no destination, as captures of Linux' \"any\" have it: a reply goes to whom asked with "
        "its "
        "tag",
        counted(notes.without_destination, "frame has", "frames have"));
  }
  if (notes.unclear_answers > 0) {
    add("{} any of several clients, which asked with one tag: only how many there are is judged",
        counted(notes.unclear_answers, "reply may answer", "replies may answer"));
  }
  if (notes.copies > 0) {
    const std::uint64_t kept = std::max<std::uint64_t>(1, check.counts().aoe - notes.copies);
    const std::uint64_t times = 1 + (notes.copies + kept / 2) / kept;
    add("it has all frames {}, as from a mirror port or from both ends: {} left out",
        times <= 2 ? "twice" : fmt::format("{} times", times),
        counted(notes.copies, "second copy", times <= 2 ? "second copies" : "further copies"));
  }
  if (notes.requests_only) {
    add("no reply is in it: it holds one direction, or nobody answered; {} can't be judged",
        quantity(notes.without_answer, "request"));
  }
  if (notes.replies_only) {
    add("no request is in it: it holds one direction; replies are judged by themselves");
  } else if (notes.before_begin > 0) {
    add("it begins in mid-conversation: {} to requests from before",
        counted(notes.before_begin, "reply", "replies"));
  }
  if (notes.dropped > 0)
    add("{} were lost while it was made, as it says itself", quantity(notes.dropped, "frame"));
  if (notes.misses_frames() && !notes.requests_only && !notes.replies_only) {
    add("it misses frames: {} without request, {} without answer; nothing is made of them",
        counted(notes.without_request, "reply", "replies"),
        quantity(notes.without_answer, "request"));
  }
  if (notes.left_out > 0) {
    add("{} on frames that it may have missed, and left out",
        counted(notes.left_out, "finding rests", "findings rest"));
  }
  if (notes.asked_again > 0) {
    add("{} the tag of the same request, answered before, as where captures of both ends are "
        "merged "
        "whose clocks differ: it is not judged how many wait at once",
        counted(notes.asked_again, "request has", "requests have"));
  }
  if (notes.of_more_devices > 0) {
    add("it has more than {} devices: the others are counted together, and not judged by what they "
        "said before",
        Devices::told_apart_max);
  }
  if (notes.other_sources > 0) {
    add("{} from another MAC address than was asked, at which the same device answers, too: it has "
        "several",
        counted(notes.other_sources, "reply comes", "replies come"));
  }
  if (notes.early > 0) {
    add("{} before the request: frames are in another order than they were sent",
        counted(notes.early, "reply stands", "replies stand"));
  }
  if (notes.out_of_order > 0) {
    add("{} an earlier time than the frame before",
        counted(notes.out_of_order, "frame has", "frames have"));
  }
  if (notes.clock_steps > 0) {
    const bool is_back = notes.clock_step < Duration{};
    add("its clock goes {} by {} at frame {}{}: times across are not judged",
        is_back ? "back" : "forward", brief(is_back ? -notes.clock_step : notes.clock_step),
        notes.clock_step_frame,
        notes.clock_steps > 1 ? fmt::format(", and {} more times", notes.clock_steps - 1) : "");
  }
  return lines;
}

std::string no_aoe_text(const CaptureCheck& check, const CaptureReportOptions& options) {
  std::string text = fmt::format("{}: no frame of AoE among {}", options.file,
                                 quantity(check.counts().frames, "frame"));
  if (check.notes().other_links > 0)
    text += fmt::format(", {} of link types that can't be read", check.notes().other_links);
  if (!options.cut_off.empty()) text += fmt::format("; it is cut off: {}", options.cut_off);
  return text;
}

std::string notes_text(const CaptureCheck& check, const CaptureReportOptions& options) {
  std::string text;
  for (const std::string& note : notes_of(check))
    text += fmt::format("{}: note: {}\n", options.file, note);
  return text;
}

std::string summary_text(const CaptureCheck& check, const CaptureReportOptions& options) {
  const CaptureCounts& counts = check.counts();
  std::string text = fmt::format("{}: {} in {}; {} of AoE: {}, {}\n", options.file,
                                 quantity(counts.frames, "frame"), brief(check.span()), counts.aoe,
                                 quantity(counts.requests, "request"),
                                 counted(counts.replies, "reply", "replies"));
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
