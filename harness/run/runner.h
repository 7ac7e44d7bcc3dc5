// Runs a scenario's steps in a world, and judges what was seen.
//
// Knows no world in particular. Stops at the first step whose expectation fails; heals everything
// at the end, lets all requests resolve, compares the store with what was acknowledged, and asks
// which rules the frames broke. What a step does is in play_step.cc.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "harness/run/run_state.h"

namespace aoe::harness {

struct Verdict {
  Outcome outcome = Outcome::passed;
  std::vector<Finding> failures;
  std::vector<Finding> answers;    // what answers broke, whatever came of the case (every_answer.h)
  std::set<RequestKind> answered;  // the kinds of requests that had an answer
  std::string reason;              // of what is neither passed nor failed
  std::vector<std::string> notes;  // what was measured: "retransmit +100ms in [100, 120] ms"
  std::vector<StepRecord> steps;   // as they were played
  std::vector<DueRecord> dues;     // what had to come in time
  Duration took{};                 // of the world's time
  std::uint64_t requests = 0;      // completed
};

/// A world whose times are less certain than this can't tell whether a timeout was kept.
inline constexpr Duration slack_max = std::chrono::milliseconds(500);

/// Whether each answer of the target is judged, whatever the scenario is about (every_answer.h).
/// Without that, Verdict::answers is empty.
enum class EachAnswer : std::uint8_t { unjudged, judged };

/// Plays a scenario in a world that was made for it.
Verdict play_scenario(const Scenario& scenario, World& world, const Ledger& ledger,
                      Parties& parties, std::uint64_t seed,
                      EachAnswer each_answer = EachAnswer::unjudged);

}  // namespace aoe::harness
