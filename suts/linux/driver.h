// The driver in its machine, from the first message to the agent until the end of the mount.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "suts/linux/machine.h"

namespace aoe::guest {

struct DriverOptions {
  std::string folder;
  std::vector<std::string> interfaces{};  // for the guest's eth0 and eth1: one or two
  std::uint32_t deadsecs = 180;
  std::uint32_t maxout = 128;
  std::string kernel{};  // empty: where fetch puts it
};

/// Serves until the folder is unmounted, or a signal comes that ends it. The module is loaded while
/// the card is down, so it sends nothing before `discover` is written, and the files are there as
/// soon as that can be done. The error is a line.
tl::expected<void, std::string> run_driver(const Parts& parts, const DriverOptions& options);

}  // namespace aoe::guest
