// A scenario as it is played against an initiator that can't be told anything (--passive): where its
// user has to do something, the scenario waits until the frames of that pass, and a person reads what
// to do. Pure.
//
//   discover   waits for an answer to IDENTIFY
//   io         waits for an answer to a read or write, whichever sectors it is about
//
// Fit are the scenarios that need no more of an initiator than that it finds a disk, reads and writes,
// and whose frames alone tell whether the rule is kept.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "harness/language/scenario.h"

namespace aoe::harness {

/// Returns the scenario at the address `at`, with `patience` for each thing that the user has to do;
/// or why it can't be played so: "it is about requests that fail, which only their user sees".
tl::expected<Scenario, std::string> as_passive(const Scenario& scenario, Address at,
                                               Duration patience);

}  // namespace aoe::harness
