// What a run says of each clause: the verdict that its cases make.
//
// Computed from a RunRecord whenever a report needs it, and kept nowhere: the terminal, HTML,
// Markdown, JUnit, JSON and the matrix say the same because they all ask here.
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
  doubtful,      // none failed, but one was flaky; or none passed, and of one it could not be told
  unsupported,   // the implementation, or the world, has no such thing
  untested,      // no case that was run cites it
};
inline constexpr std::size_t clause_verdicts = 6;
/// "PASS", "FAIL", "XFAIL", "INCONCLUSIVE", "UNSUPPORTED", "untested".
std::string_view text(ClauseVerdict verdict);

/// From how many cases there were of each outcome.
ClauseVerdict verdict_of(const Counts& cases);

struct ClauseCoverage {
  const Clause* clause = nullptr;  // of the catalogue that was asked
  ClauseVerdict verdict{};
  Counts counts{};                   // of its cases, by outcome
  std::vector<std::size_t> cases{};  // those that cite it, by their place in the run
};

/// How the clauses of a level came out, by verdict.
struct LevelTally {
  Level level{};
  std::array<std::size_t, clause_verdicts> verdicts{};
  std::size_t of(ClauseVerdict verdict) const {
    return verdicts[static_cast<std::size_t>(verdict)];
  }
  std::size_t clauses() const;
};

struct Coverage {
  /// In the catalogue's order: of a suite (RunRecord::suite) all that bind its end, else those that
  /// were cited.
  std::vector<ClauseCoverage> clauses;

  /// Null for a clause that is not in it.
  const ClauseCoverage* find(std::string_view id) const;
  /// Those of a section.
  std::vector<const ClauseCoverage*> of_section(std::string_view section) const;
  /// Of each level that has clauses here, the strictest first.
  std::vector<LevelTally> levels() const;
};

Coverage coverage_of(const RunRecord& run, const ClauseCatalogue& catalogue = clause_catalogue());

/// Does it bind that end: "target", "initiator"?
bool binds(const Clause& clause, std::string_view end);

/// "MUST 81 of 83 kept, 2 broken"
std::string describe(const LevelTally& tally);
/// All of them: "MUST 81 of 83 kept, 2 broken; SHOULD 5 of 5 kept". Empty where there are none.
std::string describe(const std::vector<LevelTally>& levels);
/// "3 passed, 1 failed", of a clause's cases; its reason where it is not tested at all.
std::string describe(const ClauseCoverage& coverage);

}  // namespace aoe::harness
