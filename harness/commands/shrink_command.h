// `aoe-harness shrink`: makes a short scenario of a run that failed, in virtual time.
#pragma once

#include <string>

namespace aoe::harness {

struct ShrinkOptions {
  std::string schedule;  // schedule.yaml of a case
  std::string output;    // the scenario's file; empty: standard output
};

/// Returns the program's exit status.
int shrink_command(const ShrinkOptions& options);

}  // namespace aoe::harness
