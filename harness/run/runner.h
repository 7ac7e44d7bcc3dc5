// Runs a scenario's steps in a world, and judges what was seen.
//
// Knows no world in particular. Stops at the first step whose expectation fails; heals everything
// at the end, lets all requests resolve, compares the store with what was acknowledged, and asks
// which rules the frames broke. One run, one object. What a step does is in play_step.cc.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/run/run_state.h"

namespace aoe::harness {

struct Verdict {
  Outcome outcome = Outcome::passed;
  std::vector<Finding> failures;
  std::string reason;              // of what is neither passed nor failed
  std::vector<std::string> notes;  // what was measured: "retransmit +100ms in [100, 120] ms"
  std::vector<StepRecord> steps;   // as they were played
  std::vector<DueRecord> dues;     // what had to come in time
  Duration took{};                 // of the world's time
  std::uint64_t requests = 0;      // completed
};

/// A world whose times are less certain than this can't tell whether a timeout was kept.
inline constexpr Duration slack_max = std::chrono::milliseconds(500);

class Runner {
 public:
  Runner(const Scenario& scenario, World& world, const Ledger& ledger, Exchanges& exchanges,
         std::uint64_t seed);

  Verdict run();

 private:
  using Result = std::optional<Finding>;

  /// Plays the steps up to the first that does not pass, and returns how that ended.
  StepResult play_steps(std::vector<StepRecord>& played);
  /// Heals everything and waits until all I/O is resolved.
  Result settle();
  /// Compares the store with what was acknowledged.
  Result check_store();
  Result check_stated(std::uint64_t lba, MutableBytes bytes);
  /// Asks which of the scenario's checks the frames and reads broke.
  Result check_always();
  /// Fills in the outcome and its reason. `step`: why a step could not be played, or null.
  void judge(Verdict& verdict, const Unsupported* step) const;
  void report_late_duplicates();
  /// Returns why this machine could not tell; empty where it could.
  std::string doubt() const;
  /// Returns the longest that nothing may complete once everything is healed.
  Duration standstill_max() const;

  RunState state_;
};

}  // namespace aoe::harness
