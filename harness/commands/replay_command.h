// `aoe-harness replay`: repeats a run by what its faults decided, whatever their chances were.
//
// In the sim world that is the same run again, to the last byte of its ledger. In real time each
// decision strikes the frame that asks for the same; those whose frame never came are told.
#pragma once

#include <string>

#include "harness/run/run_case.h"

namespace aoe::harness {

struct ReplayOptions {
  std::string schedule;   // schedule.yaml of a case
  CaseOptions cases;      // against what
  bool own_world = true;  // the schedule's, whatever stands in `cases`
  std::string out = "runs";
};

/// Returns the program's exit status.
int replay_command(const ReplayOptions& options);

}  // namespace aoe::harness
