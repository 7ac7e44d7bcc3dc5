// The result of a checked capture: as text, as JSON, and as a page (page.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/judge/capture_check.h"

namespace aoe::harness {

struct CaptureReportOptions {
  std::string file;                 // the capture's name in each line
  std::size_t findings_shown = 10;  // per rule, in text and page; 0: all
  Level level = Level::info;        // findings below it are left out
  enum class Ladder : std::uint8_t { none, around, all };
  Ladder ladder = Ladder::none;
  std::string cut_off{};  // why the capture could not be read to its end; empty: it could
};

/// The number of findings per rule, in the order of the rules (language/rules.h).
using FindingCounts = std::map<const RuleRow*, std::size_t>;
/// Counts the findings of the level and above.
FindingCounts count_findings(const CaptureCheck& check, Level level);

/// The findings of options.level and above, in the order of their frames.
struct ShownFindings {
  std::vector<const Finding*> shown;  // at most options.findings_shown of a rule; in `check`
  FindingCounts hidden;               // the rest
};
ShownFindings shown_findings(const CaptureCheck& check, const CaptureReportOptions& options);

/// Returns true if `level` is at least `least`: must is above should, and should above info.
bool is_at_least(Level level, Level least);

/// Returns a finding as its line, and with options.ladder `around` its ladder.
std::string finding_text(const CaptureCheck& check, const Finding& finding,
                         const CaptureReportOptions& options);
/// Returns the findings, a line each, with ladders as options.ladder says:
/// "x.pcap: frame 17 at 0.000123 s: must: … [bad-status, AoEr11 §3.1]".
std::string findings_text(const CaptureCheck& check, const CaptureReportOptions& options);
/// Returns a line for each rule with more findings than are shown.
std::string hidden_text(const ShownFindings& findings, const CaptureReportOptions& options);
/// Returns what the capture is like, a sentence each, where that keeps frames from being judged:
/// "it begins in mid-conversation: …".
std::vector<std::string> notes_of(const CaptureCheck& check);
/// Returns these, a line each: "x.pcap: note: it begins …".
std::string notes_text(const CaptureCheck& check, const CaptureReportOptions& options);
/// Returns why there was nothing to check: "x.pcap: no frame of AoE among 12 frames".
std::string no_aoe_text(const CaptureCheck& check, const CaptureReportOptions& options);
/// Returns the capture's counts, its devices, and the number of findings per kind.
std::string summary_text(const CaptureCheck& check, const CaptureReportOptions& options);
/// Returns the whole result as one JSON object, which aoe-harness(8) describes.
std::string capture_json(const CaptureCheck& check, const CaptureReportOptions& options);
/// Returns a page with the summary, plots of round trips and outstanding requests, and the findings
/// with their ladders.
std::string capture_html(const CaptureCheck& check, const CaptureReportOptions& options);

}  // namespace aoe::harness
