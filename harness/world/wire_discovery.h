// Looks at the disks on a real wire before cases are played against one of them: where they are, and
// how large.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "proto/address.h"

namespace aoe::harness {

/// Asks everybody on the interface, three times within a second, and returns the addresses of those
/// who answer, in order. The error says why the interface can't be used.
tl::expected<std::vector<Address>, std::string> disks_on(const std::string& interface);

/// Asks the disk at this address where it is, and there IDENTIFY DEVICE, each up to three times within
/// a second, and returns the number of its sectors; nothing where no answer says it. The error says why the interface can't be
/// used.
tl::expected<std::optional<std::uint64_t>, std::string> sectors_on(const std::string& interface,
                                                                   Address disk);

}  // namespace aoe::harness
