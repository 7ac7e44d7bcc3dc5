// `aoe-harness conform target|initiator`: what an implementer runs. Asks the implementation what it
// has, plays the suite for its end against it, and tells clause by clause what came of it.
#pragma once

#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "harness/commands/run_command.h"

namespace aoe::harness {

struct ConformOptions {
  Implementation::Role role{};
  /// What is tested, where, and how it is told. No selection: the suite is, in scenarios/target or
  /// scenarios/initiator. No expectations: those known of the implementation; "none": not these.
  RunOptions run;
};

/// Returns the program's exit status.
int conform_command(const ConformOptions& options);

/// The cases of a suite: what is wanted, as far as it is about a clause that binds that end. Error:
/// as of select(); "nothing of what was selected is about a clause that binds a target".
tl::expected<std::vector<Scenario>, std::string> select_suite(Implementation::Role role,
                                                              Selection selection);

/// What an implementation is known to do wrong: of a file; or, where `file` is empty, what is known
/// here of the one of that name; nothing for "none".
tl::expected<Expectations, std::string> expectations_of(const Implementation& implementation,
                                                        const std::string& file);

}  // namespace aoe::harness
