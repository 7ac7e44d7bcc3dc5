// The words and texts that all reports share.
//
// Frames, logs and scenarios may hold any bytes: each writer passes what comes from them through
// base/printable.h or an escape of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/printable.h"
#include "harness/judge/record.h"

namespace aoe::harness {

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
