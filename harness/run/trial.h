// One run of a scenario in virtual time, for callers that need many of them: it leaves no files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/link/schedule.h"
#include "harness/run/runner.h"

namespace aoe::harness {

struct Trial {
  Verdict verdict;
  std::vector<Decision> decisions;  // that its faults took
  std::uint64_t frames = 0;

  /// Returns the first rule that was broken: "window-respected", or the word of a step; empty where
  /// it passed.
  std::string rule() const;
  /// Returns what was expected, without what differs from run to run: equal for failures that are
  /// alike.
  std::string kind() const;
  /// Returns one line: "window-respected: #12 (...) makes 3 unanswered requests …"
  std::string failure() const;
};

/// Runs it; with a plan, the faults do what that says and nothing else.
Trial try_in_sim(const Scenario& scenario, std::uint64_t seed,
                 const std::vector<Decision>* plan = nullptr);

}  // namespace aoe::harness
