// What a check of a capture came to, for a terminal, for programs, and for a browser.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/judge/capture_check.h"

namespace aoe::harness {

struct CaptureReportOptions {
  std::string file;                 // the capture, as it is called in each line
  std::size_t findings_shown = 10;  // of a kind; 0: all
  Level level = Level::info;        // findings below it are left out
  enum class Ladder : std::uint8_t { none, around, all };
  Ladder ladder = Ladder::none;
  std::string cut_off{};  // why the capture could not be read to its end; empty: it was
};

/// How many findings of each rule, in the order of the rules (language/rules.h).
using FindingCounts = std::map<const RuleRow*, std::size_t>;
/// Those of options.level and above.
FindingCounts count_findings(const CaptureCheck& check, Level level);

/// Is `level` at least `least`? Must is above should, and that above info.
bool is_at_least(Level level, Level least);

/// "x.pcap: frame 17 at 0.000123 s: must: … [bad-status, AoEr11 §3.1]"
std::string finding_line(const CaptureCheck& check, const Finding& finding,
                         const std::string& file);

/// The findings, a line each, with their ladders where those are wanted.
std::string findings_text(const CaptureCheck& check, const CaptureReportOptions& options);
/// Counts, devices and what was found: what a capture ends with.
std::string summary_text(const CaptureCheck& check, const CaptureReportOptions& options);
/// All of it as one JSON object: see aoe-harness(8).
std::string capture_json(const CaptureCheck& check, const CaptureReportOptions& options);
/// One page that needs nothing else: summary, round trips, outstanding requests, and the findings
/// with their ladders.
std::string capture_html(const CaptureCheck& check, const CaptureReportOptions& options);

/// Of sorted times: the least that at least so many hundredths of them do not exceed.
Duration percentile(const std::vector<Duration>& sorted, unsigned percent);

}  // namespace aoe::harness
