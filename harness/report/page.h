// A report as one HTML page: of a run here, of a matrix in matrix.h, of a checked capture in
// capture_report.h.
//
// The page is made of the files of report/page/, which the library carries. It holds all it needs,
// and its policy forbids it to fetch anything: it can be mailed, archived and opened where there is
// no network. It carries JSON, which its script draws, and for readers without scripts the same as
// plain text. Verdicts, coverage, groups of failures, fields of frames and changes are computed here
// and are in the JSON; the script only draws.
//
// Members of the JSON, besides those of each view (page.js):
//   changes    of a run with an earlier one: what comparison_json() says
//   view       "run", "matrix" or "capture"
//   standings  of each outcome: {"PASS": "good", …}, in the order of Outcome
//   catalogue  {"sections": [{"id", "name"}], "clauses": {ID: {"section", "level", "binds", "rule",
//              "room"}}}
#pragma once

#include <string>
#include <string_view>

#include "harness/judge/coverage.h"
#include "harness/judge/record.h"

namespace aoe::harness {

/// `earlier`: a run to compare outcomes and times with; null: none.
std::string to_html(const RunRecord& run, const RunRecord* earlier = nullptr);

// For the other pages.

/// The page of `view`. `title` is any text; `members` are members of a JSON object: "\"run\":{…}";
/// `plain` is HTML that says the same where there are no scripts.
std::string page(std::string_view title, std::string_view view, const std::string& members,
                 const std::string& plain);

/// HTML that shows the text as it is, below its heading and above `more`, which is HTML. A reader can
/// fold it; it is open, because what is folded isn't printed.
std::string plain_section(std::string_view heading, std::string_view text,
                          std::string_view more = {});

/// "\"run\":{…},\"about\":{…}": the run as run.json has it, and what is said of it: the counts and
/// verdicts in words; `levels`, each with its clauses by verdict; `clauses` with their cases, and
/// `groups` of failures (failure_groups.h), by the cases' place in the run; `frames`, by case, for
/// each failure, by the number of the frame: the fields (frame_fields.h) as [name, value, place,
/// size, is it wrong].
std::string run_members(const RunRecord& run, const Coverage& coverage);

/// The run without the steps, frames, plots and logs of its cases; where `keep_failed`, without
/// those of cases that passed or were unsupported.
RunRecord outline(RunRecord run, bool keep_failed);

}  // namespace aoe::harness
