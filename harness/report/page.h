// A report as one HTML page: of a run here, of a matrix in matrix.h, of a checked capture in
// capture_report.h.
//
// The page is report/page/{page.html,page.css,draw.js,page.js}, which the library carries. It holds
// all it needs, and its policy forbids it to fetch anything: it can be mailed, archived and opened
// where there is no network. It carries JSON, which its script draws; without scripts it only names
// the commands that print the same. Verdicts and coverage are computed here and are in the JSON; the
// script only draws.
//
// Members of the JSON, besides those of each view (page.js):
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

/// The page of `view`. `title` is any text; `members` are members of a JSON object: "\"run\":{…}".
std::string page(std::string_view title, std::string_view view, const std::string& members);

/// "\"run\":{…},\"about\":{…}": the run as run.json has it, and what is said of it: the counts and
/// verdicts in words, and the cases of each clause by their place in the run.
std::string run_members(const RunRecord& run, const Coverage& coverage);

/// The run without the steps, frames, plots and logs of its cases; where `keep_failed`, without
/// those of cases that passed or were unsupported.
RunRecord outline(RunRecord run, bool keep_failed);

}  // namespace aoe::harness
