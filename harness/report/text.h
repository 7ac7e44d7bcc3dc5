// The words and texts that all reports share.
//
// What a frame, a log or a scenario's author says may hold anything: control characters, escape
// sequences, bytes that are no UTF-8, markup. Each writer passes it through printable(), markup()
// or an escape of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/judge/record.h"

namespace aoe::harness {

/// Valid UTF-8 that neither a terminal nor XML 1.0 objects to: newlines and tabs stay, all that is
/// not a character becomes U+FFFD.
std::string printable(std::string_view text);
/// The same on one line: newlines and tabs become blanks.
std::string one_line(std::string_view text);
/// printable(), and & < > " ' as references: for XML and HTML, in attributes too.
std::string markup(std::string_view text);

/// Characters, of printable text.
std::size_t width(std::string_view text);
/// With blanks after it, to `columns`.
std::string padded(std::string text, std::size_t columns);

/// To three digits: "3.59s", "112ms", "41.2us", "2min 5s".
std::string brief(Duration duration);
/// "1203.004"
std::string in_milliseconds(Duration duration);
/// "1 frame", "2 frames"
std::string quantity(std::uint64_t number, std::string_view noun);

/// "1 passed, 0 failed, 2 inconclusive": passed and failed always, the others where there are any.
std::string describe(const Counts& counts);
/// "XFAIL", or how often it passed: "FLAKY 3/5".
std::string verdict(const CaseRecord& record);
/// Is it as it should be: no failure, error or surprise?
bool is_well(Outcome outcome);
/// "reads[mtu=9000]" is of the scenario "reads", and its variant is "mtu=9000".
std::string scenario_of(const CaseRecord& record);
std::string variant_of(const CaseRecord& record);

/// A line of a ladder as text, and what it shows; nothing for the heading and gaps.
struct LadderText {
  std::string text;
  const LadderLine* line = nullptr;
};
/// Columns for time (since the first line), number, frame and fate. Points into `ladder`.
std::vector<LadderText> ladder_text(const std::vector<LadderLine>& ladder);
/// Expected, actual and the ladder, a line each, for where there is no colour; `where` is not in
/// it.
std::string failure_text(const FailureRecord& failure);
/// The clauses that it is about, a line each: "clause    3.1/6  A count of 0 is refused."
std::string clauses_text(const CaseRecord& record);
/// failure_text() of all of them with their places, and the clauses; for what did not get that far,
/// the reason and the end of the log.
std::string evidence_text(const CaseRecord& record);

}  // namespace aoe::harness
