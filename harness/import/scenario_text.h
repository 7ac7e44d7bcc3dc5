// What the scenarios that are made of captures have in common: their head, sizes as text, and how a
// draft is tried in virtual time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "harness/import/captured_case.h"
#include "harness/world/mutant.h"

namespace aoe::harness {

/// Of a disk whose size nothing tells.
inline constexpr std::uint64_t disk_sectors_min = 1024;

struct ImportOptions {
  std::string name;     // of the scenario
  std::string capture;  // the file, as comments name it
  bool keeps_timing = false;
  bool keeps_all = false;  // all requests, whether or not the finding shows without them
  std::uint64_t seed = 1;
};

/// A scenario, and the requests of the captured case that it has.
struct ScenarioDraft {
  std::string yaml;
  unsigned last_line = 0;         // of the step that must fail
  std::vector<std::size_t> kept;  // by their place in CapturedCase::requests
  std::size_t tries = 0;          // in virtual time, until it was found
};

/// The scenario's lines up to "steps:". `target` is what stands in the target's role beside its
/// address and its size in sectors; `mtu` that its frames need.
std::string head_of(const CapturedCase& shown, const ImportOptions& options,
                    const std::string& target, std::uint64_t sectors, std::size_t mtu);
/// The MTU that frames of this size need; at least 1500.
std::size_t mtu_of(std::size_t frame_size);
/// "64MiB", "512"
std::string size_text(std::uint64_t bytes);

/// How a scenario ends in virtual time.
struct Ending {
  bool passed = false;
  bool failed = false;
  unsigned line = 0;                 // of the first step that failed
  std::vector<std::string> rules{};  // that were broken
};
/// `mutant` stands at that end; an empty one: both ends are ours.
Ending play_draft(const std::string& yaml, std::uint64_t seed, bool at_target,
                  const MakeMutant& mutant);

}  // namespace aoe::harness
