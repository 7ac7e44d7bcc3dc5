// Asks an implementation what it has, before its suite: by frames that change nothing, or by a look
// at what an initiator sends. What it lacks is UNSUPPORTED where a scenario requires it, with the
// question and the answer as the reason; nothing is unsupported unless it was asked for.
//
// A target lacks a command where it calls it unrecognized (error 1), aborts it (ATA) or is silent.
// The suite judges any other answer, right or wrong.
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

/// Returns the scenario whose frames are the questions.
Scenario probing_scenario(const Implementation& implementation);

/// Returns what the frames of the initiator's side, in their order, show.
std::vector<ProbeRecord> probes_in(Implementation::Role role,
                                   const std::vector<std::vector<std::uint8_t>>& frames);

/// Asks, in a child process; the evidence goes into the folder. Error: why nothing was answered:
/// "vblade: the target ended with status 1; it said: …".
tl::expected<std::vector<ProbeRecord>, std::string> probe(const CaseOptions& options,
                                                          std::uint64_t seed,
                                                          const std::filesystem::path& folder);

}  // namespace aoe::harness
