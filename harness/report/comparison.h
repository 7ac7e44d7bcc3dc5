// Two runs beside each other: what changed from the one before to the one after, case by case,
// clause by clause, and in what the implementation has.
//
// Computed here for the command `compare` and for the page of a run with an earlier one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/judge/record.h"

namespace aoe::harness {

enum class Change : std::uint8_t {
  worse,     // from a better standing (text.h) to a worse one
  better,    // the inverse
  other,     // another outcome that is as good, or a failure of another kind
  only_now,  // the earlier run does not have it
  gone,      // only the earlier run has it
};
/// "worse", "better", "other", "new", "gone".
std::string_view text(Change change);

/// A case, a clause or an ability that is not as it was.
struct Difference {
  std::string id;
  Change change{};
  std::string before;         // "PASS", "untested", "has"; empty: was not there
  std::string now;            // empty: is not there
  std::string said_before{};  // of a case: what failed in it, or why it did not pass
  std::string says_now{};
};

struct Comparison {
  std::vector<Difference> cases;  // the worse ones first, else in their order
  std::vector<Difference> clauses;
  std::vector<Difference> abilities;
  std::size_t same = 0;  // cases that came out as before

  bool is_same() const { return cases.empty() && clauses.empty() && abilities.empty(); }
};

/// Two failures are of the same kind where the same places of the scenario fail by the same rules
/// in the same fields: numbers of frames and times differ from run to run.
Comparison compare_runs(const RunRecord& before, const RunRecord& now);

/// Returns a line for each difference, with what was said before and now of a case that did not
/// pass; at the end, how many there are of each kind.
std::string comparison_text(const Comparison& comparison, const RunRecord& before,
                            const RunRecord& now);
/// Returns an object: format, before and now (of what each run is), same, and cases, clauses and
/// abilities, each a list of objects: id, change, before, now; of cases also said_before, says_now.
std::string comparison_json(const Comparison& comparison, const RunRecord& before,
                            const RunRecord& now);

}  // namespace aoe::harness
