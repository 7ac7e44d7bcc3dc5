// The suite for an end: the scenarios about clauses of AoEr11 that bind it, played against an
// implementation after that was asked what it has. Called by `conform` and `matrix`.
#pragma once

#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "harness/commands/run_scenarios.h"

namespace aoe::harness {

/// Plays the suite for the end `role` against options.cases.sut, as options.selection narrows it
/// down (default: scenarios/target or scenarios/initiator), with the known failures that
/// expectations_of() finds. Returns the program's exit status, or throws Failed.
int run_suite(Implementation::Role role, RunOptions options);

/// Selects the cases about a clause that binds that end. Errors: those of select(); "nothing of
/// what was selected is about a clause that binds a target".
tl::expected<std::vector<Scenario>, std::string> select_suite(Implementation::Role role,
                                                              Selection selection);

/// Returns what an implementation is known to do wrong: as `file` says; where it is empty, as
/// suts/NAME.expected.yaml says, or FILE.expected.yaml beside the description FILE.yaml; nothing where
/// it is "none".
tl::expected<Expectations, std::string> expectations_of(const Implementation& implementation,
                                                        const std::string& file);

}  // namespace aoe::harness
