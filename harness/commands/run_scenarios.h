// Plays scenarios, each case in a process of its own, prints what came of each as it ends, and
// leaves a record, its reports and the evidence in a folder. Called by the commands that run cases.
//
//   runs/<time>-<seed>/run.json            what came of it, and reports of that:
//   runs/<time>-<seed>/{index.html,junit.xml}
//   runs/<time>-<seed>/cases/<scenario>/   a case's evidence: see run_case.h, evidence_folder.h
//   runs/last                              leads to the newest
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "harness/judge/expectations.h"
#include "harness/report/outputs.h"
#include "harness/run/run_case.h"
#include "harness/run/selection.h"
#include "harness/run/shard.h"

namespace aoe::harness {

struct RunOptions {
  Selection selection;
  Shard shard;  // of what is selected
  CaseOptions cases;
  std::uint64_t seed = 0;
  std::optional<unsigned> jobs;  // cases at a time; nothing: jobs_in() the world
  std::size_t repeat = 1;   // of each case, with the seeds `seed`, `seed` + 1, …; or for_ever
  std::size_t retry = 0;    // more tries of a case that failed in all others, with the same seed
  bool until_fail = false;  // end with the first case that fails
  bool fail_fast = false;   // begin nothing after a case that failed
  bool strict = false;      // flaky and inconclusive cases are no success
  bool dry_run = false;     // print what would run, and run nothing
  std::chrono::seconds patience{600};  // for a case, in real time
  std::string out = "runs";
  std::string expectations;     // a file of known failures; empty: none
  std::vector<Output> reports;  // beside those in the run's folder
  int verbosity = 0;            // see TerminalStyle
  std::string suite;  // RunRecord::suite; if not empty, the implementation is probed first
};
inline constexpr std::size_t for_ever = std::numeric_limits<std::size_t>::max();

/// Throws Failed where the options contradict each other, before anything is asked or played.
void refuse_conflicts(const RunOptions& options);

/// In the remote world: asks the far half which target it starts, and takes that for what is tested
/// unless an initiator is. Throws Failed where it can't be asked, or --sut says another.
void meet_far_half(CaseOptions& cases);

/// Plays what options.selection selects, with the failures of options.expectations known. Returns
/// the program's exit status, or throws Failed.
int run_selected(const RunOptions& options);
/// The same for scenarios at hand, whatever is selected: those of options.shard.
int run_scenarios(const RunOptions& options, std::vector<Scenario> scenarios,
                  Expectations expectations);

}  // namespace aoe::harness
