// Draws a scenario from a seed: an exploration becomes a plain scenario, with its steps first and
// then rounds of faults and loads.
//
//   arm some faults · a load · perhaps heal one · a while later heal the rest · the load ends, well
//   or not · perhaps a flush · wait until nothing is on its way · the device is up
//
// The scenario asks only for what must always hold: `always` and `finally`. What is drawn depends
// on the seed and the exploration alone, and has a random stream of its own.
#pragma once

#include <cstdint>
#include <string>

#include <tl/expected.hpp>

#include "harness/language/scenario.h"

namespace aoe::harness {

/// Returns the scenario; `name` stands for its file in messages. Fails where the exploration's own
/// steps don't go with what is drawn (an id is taken).
tl::expected<Scenario, std::string> draw(const Scenario& exploration, std::uint64_t seed,
                                         const std::string& name);

}  // namespace aoe::harness
