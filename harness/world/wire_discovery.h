// Looks at a real wire before cases are played there: whether the interface may be used, which disks
// answer, and how large they are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "proto/address.h"
#include "wire/frame_port.h"

namespace aoe::harness {

/// Returns the link of an interface that is left to tests: it is up and has no IP address but those
/// that it gives itself (fe80::). The error says why not: "eth0: it has the address 192.0.2.1, …".
tl::expected<Link, std::string> link_for_tests(const std::string& interface);

/// Asks everybody on the interface, three times within a second, and returns the addresses of those
/// who answer, in order. The error says why the interface can't be used.
tl::expected<std::vector<Address>, std::string> disks_on(const std::string& interface);

/// Asks the disk at this address where it is, and there IDENTIFY DEVICE, each up to three times within
/// a second, and returns the number of its sectors; nothing where no answer says it. The error says why the interface can't be
/// used.
tl::expected<std::optional<std::uint64_t>, std::string> sectors_on(const std::string& interface,
                                                                   Address disk);

}  // namespace aoe::harness
