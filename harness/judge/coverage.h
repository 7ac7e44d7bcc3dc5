// The verdict of a run on each clause, made of the outcomes of the cases that cite it.
//
// It is computed from a RunRecord whenever a report needs it and is stored nowhere: the terminal,
// HTML, Markdown, JUnit, JSON and the matrix agree because they all compute it here.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/judge/record.h"
#include "harness/language/clauses.h"

namespace aoe::harness {

enum class ClauseVerdict : std::uint8_t {
  kept,          // some case that cites it passed, and none failed
  broken,        // some failed
  known_broken,  // some failed, all of them as the expectation file says
  doubtful,      // none failed, but one was flaky; or none passed, and one was inconclusive
  unsupported,   // the implementation, or the world, lacks what the cases need
  untested,      // no case of the run cites it
};
inline constexpr std::size_t clause_verdicts = 6;
/// "PASS", "FAIL", "XFAIL", "INCONCLUSIVE", "UNSUPPORTED", "untested".
std::string_view text(ClauseVerdict verdict);

/// Returns the verdict that the clause's cases make, which are counted by outcome.
ClauseVerdict verdict_of(const Counts& cases);

struct ClauseCoverage {
  const Clause* clause = nullptr;  // in the catalogue that coverage_of() was given
  ClauseVerdict verdict{};
  Counts counts{};                   // of its cases, by outcome
  std::vector<std::size_t> cases{};  // those that cite it, by their place in the run
};

/// The number of a level's clauses, by verdict.
struct LevelTally {
  Level level{};
  std::array<std::size_t, clause_verdicts> verdicts{};
  std::size_t of(ClauseVerdict verdict) const {
    return verdicts[static_cast<std::size_t>(verdict)];
  }
  std::size_t clauses() const;
};

struct Coverage {
  /// In the catalogue's order: for a suite (RunRecord::suite) all that bind its end, else those
  /// that a case cites.
  std::vector<ClauseCoverage> clauses;

  /// Returns null for a clause that is not among them.
  const ClauseCoverage* find(std::string_view id) const;
  /// Returns those of a section.
  std::vector<const ClauseCoverage*> of_section(std::string_view section) const;
  /// Returns a tally for each level that has clauses here, the strictest first.
  std::vector<LevelTally> levels() const;
};

Coverage coverage_of(const RunRecord& run, const ClauseCatalogue& catalogue = clause_catalogue());

/// Returns true if the clause binds the end: "target" or "initiator".
bool binds(const Clause& clause, std::string_view end);

/// "MUST 81 of 83 kept, 2 broken"
std::string describe(const LevelTally& tally);
/// "MUST 81 of 83 kept, 2 broken; SHOULD 5 of 5 kept". Empty without levels.
std::string describe(const std::vector<LevelTally>& levels);
/// "3 passed, 1 failed", of the clause's cases; without any, why it is untested.
std::string describe(const ClauseCoverage& coverage);

/// The id of the case that tells that a target's answers broke a clause, in whichever case:
/// "target-every-answer[clause=2/4]".
std::string every_answer_case(std::string_view clause);
/// Is it the id of a case that a run makes of others: of such a one, or of
/// "target-unanswered[request=mask-edit]", which tells that no request of a kind is answered?
bool is_made_of_others(std::string_view id);

}  // namespace aoe::harness
