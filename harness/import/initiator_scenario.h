// Makes a scenario of what an initiator did wrong in a capture: a target that looks as the captured
// one did and answers as it answered, the reads and writes that the requests came from, and a rule
// for what the initiator sends.
//
// The rule is a fault that counts frames (`hits: {max: 0}`), or one of `always`. Our own initiator
// passes the scenario in virtual time, and one that also sends the captured frames fails it.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "harness/import/scenario_text.h"

namespace aoe::harness {

/// Precondition: !shown.at_target. The error says why a scenario can't show it.
tl::expected<ScenarioDraft, std::string> make_initiator_scenario(const CapturedCase& shown,
                                                                 const ImportOptions& options);

}  // namespace aoe::harness
