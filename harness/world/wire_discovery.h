// Looks for disks on a real wire, before a suite is played against one of them.
#pragma once

#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "proto/address.h"

namespace aoe::harness {

/// Asks everybody on the interface, three times within a second, and returns the addresses of those
/// who answer, in order. The error says why the interface can't be used.
tl::expected<std::vector<Address>, std::string> disks_on(const std::string& interface);

}  // namespace aoe::harness
