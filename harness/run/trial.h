// One run of a scenario whose evidence nobody keeps, for callers that need many of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/link/schedule.h"
#include "harness/run/run_case.h"

namespace aoe::harness {

struct Trial {
  Outcome outcome = Outcome::passed;
  std::string reason{};  // of what is neither passed nor failed
  // Of the first failure, as FailureRecord has them; empty where there is none.
  std::string rule{};  // "window-respected", or the word of a step
  std::string clause{};
  std::string field{};
  std::string expected{};
  std::string actual{};
  std::vector<Decision> decisions{};  // that its faults took, in the sim world
  std::uint64_t requests = 0;
  std::uint64_t frames = 0;

  /// Returns how it failed, without what differs from run to run: equal for failures that are
  /// alike, by rule, clause, field and what was expected. It begins with the rule and a colon;
  /// empty where it did not fail.
  std::string kind() const;
  /// Returns one line: "window-respected: #12 (...) makes 3 unanswered requests …", or the reason.
  std::string failure() const;
};

/// Returns what came of a case.
Trial trial_of(const CaseRecord& record);

/// Plays it in virtual time, in this process, without files; with a plan, the faults do what that
/// says and nothing else.
Trial try_in_sim(const Scenario& scenario, std::uint64_t seed,
                 const std::vector<Decision>* plan = nullptr);

/// Plays it in the world of the options, in a child process and a folder that are gone afterwards.
/// Where that can't be had, the trial is Outcome::broken; where it takes longer than `patience`,
/// Outcome::inconclusive.
Trial try_apart(const Scenario& scenario, const CaseOptions& options, std::uint64_t seed,
                const std::vector<Decision>* plan, std::chrono::seconds patience);

}  // namespace aoe::harness
