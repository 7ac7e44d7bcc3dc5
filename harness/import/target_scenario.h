// Makes a scenario of what a target did wrong in a capture: the requests as they were captured, the
// last of them with what AoEr11 lets a target answer.
//
// Of the expectations that could be asked of that answer the least demanding one is taken by which
// our own target passes in virtual time and the captured replies fail. Then all requests are left
// out without which that stays so.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "harness/import/scenario_text.h"

namespace aoe::harness {

/// Precondition: shown.at_target. The error says why virtual time can't show it.
tl::expected<ScenarioDraft, std::string> make_target_scenario(const CapturedCase& shown,
                                                              const ImportOptions& options);

}  // namespace aoe::harness
