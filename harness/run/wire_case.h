// A scenario as it is played against a disk on a real wire: at the address that the disk has, and
// only if it is about no other address and no other size. The disk's own size is what its IDENTIFY says
// (world/wire_discovery.h). Pure.
#pragma once

#include <cstdint>
#include <string>

#include "harness/language/scenario.h"

namespace aoe::harness {

/// Moves the scenario to this address.
void move_to(Address address, Scenario& scenario);

/// Why the scenario says nothing of a disk that is not made for it: "it asks for another shelf or
/// slot than the disk's". Empty: it does.
std::string unfit_for_wire(const Scenario& scenario);

/// Why it asks for what can't be done to a disk on a wire, such as to kill it. Such a scenario is not
/// begun, as what it has set by then would stay. Empty: it does not.
std::string out_of_reach(const Scenario& scenario);

/// Why it can't be played on a disk of so many sectors: it would go beyond its end, or is about the
/// end of one that is larger or smaller. Empty: it can.
std::string unfit_for_size(const Scenario& scenario, std::uint64_t sectors);

}  // namespace aoe::harness
