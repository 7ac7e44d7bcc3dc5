// `aoe-harness run`: runs scenarios, prints what came of each, and leaves the evidence in a folder.
//
//   runs/<time>-<seed>/cases/<scenario>/    ledger.jsonl, initiator-side.pcap, target-side.pcap;
//                                           in the veth world sut.log, too
//   runs/last                               leads to the newest
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace aoe::harness {

enum class WorldKind : std::uint8_t { sim, veth };

struct RunOptions {
  std::vector<std::string> paths;  // of scenarios, or of folders that hold them
  WorldKind world = WorldKind::sim;
  std::uint64_t seed = 0;
  std::string out = "runs";
  std::string target_program = "aoe-target";  // for the veth world
};

inline constexpr int exit_passed = 0;
inline constexpr int exit_failed = 1;  // an expectation was not met, or a scenario can't be read
inline constexpr int exit_usage = 2;   // nothing to run, as asked
inline constexpr int exit_environment = 3;   // what is to be tested, or the world, can't be had
inline constexpr int exit_inconclusive = 5;  // nothing failed, but not all could be told

/// Runs them one after another; returns the program's exit status.
int run_command(const RunOptions& options);

/// "aoe-harness: …" on standard error.
void complain(const std::string& line);

}  // namespace aoe::harness
