// What an implementation has, asked before its suite: frames that change nothing, or a look at what
// an initiator sends. What it says it does not have is then UNSUPPORTED where a scenario requires
// it, with the question and the answer as the reason; nothing is taken for unsupported unasked.
//
// A target lacks a command where it calls it unrecognized (error 1), aborts it (ATA) or is silent;
// any other answer, right or wrong, is for the suite to judge.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "harness/judge/record.h"
#include "harness/language/scenario.h"
#include "harness/run/run_case.h"

namespace aoe::harness {

/// The scenario whose frames tell.
Scenario probing_scenario(Implementation::Role role);

/// From the frames of the initiator's side, in their order.
std::vector<ProbeRecord> probes_in(Implementation::Role role,
                                   const std::vector<std::vector<std::uint8_t>>& frames);

/// Asks, in a process of its own; the evidence goes into the folder. Error: why there was no
/// answer to anything: "vblade: the target ended with status 1; it said: …".
tl::expected<std::vector<ProbeRecord>, std::string> probe(const CaseOptions& options,
                                                          std::uint64_t seed,
                                                          const std::filesystem::path& folder);

}  // namespace aoe::harness
