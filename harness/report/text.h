// Words and texts that all reports share.
//
// Text of a frame, a log or a scenario may hold any bytes. Each writer passes it through
// base/printable.h or an escape of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/printable.h"
#include "harness/judge/coverage.h"
#include "harness/judge/record.h"

namespace aoe::harness {

/// How good an outcome is for who reads the report: what colours and signs are chosen by.
enum class Standing : std::uint8_t {
  good,
  bad,       // a failure of the run
  doubtful,  // flaky, or it could not be decided
  excused,   // unsupported, or known to fail
};
/// How reports show a standing.
struct Look {
  std::string_view word;
  std::string_view sign;  // of Markdown
  int colour;             // of a terminal: the number of an SGR sequence
};
const Look& look_of(Standing standing);
Standing standing_of(Outcome outcome);
Standing standing_of(ClauseVerdict verdict);
/// Returns true if the outcome is as it should be: good or excused.
bool is_well(Outcome outcome);
/// Returns true if no case of the run is bad or doubtful.
bool is_well(const RunRecord& run);
/// Returns true for each outcome but a pass and an unsupported case: reports show what happened.
bool needs_story(Outcome outcome);

/// "XFAIL"; of a flaky case with the number of tries that passed: "FLAKY 3/5".
std::string verdict(const CaseRecord& record);
/// Breaks the text between words into lines of at most 100 columns, `indent` of which are blank.
std::string wrapped(std::string_view text, std::size_t indent);
/// "§3.1 ATA commands"
std::string named(const Section& section);
/// " [3.2/31, ata.status]": the clause and the field of a failure; empty without either.
std::string about(const FailureRecord& failure);
/// "expected …, but: … (and 2 more)"; empty without a failure.
std::string first_failure(const CaseRecord& record);

/// A line of a ladder as text, and the frame that it shows: null for the heading and for gaps.
struct LadderText {
  std::string text;
  const LadderLine* line = nullptr;
};
/// Returns a heading and a line per frame, with columns for the time since the first frame, number,
/// frame and fate. The result points into `ladder`.
std::vector<LadderText> ladder_text(const std::vector<LadderLine>& ladder);
/// Returns, as plain text, all that explains the outcome: the reason, each failure with its place,
/// rule and ladder, the clauses, the command that reproduces it. Without a failure, the end of the
/// log takes their place.
std::string evidence_text(const CaseRecord& record);

}  // namespace aoe::harness
