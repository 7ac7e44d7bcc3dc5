// The driver in its machine, from the first message to the agent until the end of the mount.
#pragma once

#include <cstdint>
#include <string>

#include <tl/expected.hpp>

#include "suts/linux/machine.h"

namespace aoe::guest {

struct DriverOptions {
  std::string folder;
  std::string interface {};
  std::uint32_t deadsecs = 180;
  std::uint32_t maxout = 128;
  std::string kernel{};  // empty: where fetch puts it
};

/// Serves until the folder is unmounted or a signal says to end. The module is loaded while the
/// card is down, so that it sends nothing before it is told to discover, and the files are there
/// when that can be done. The error is a line.
tl::expected<void, std::string> run_driver(const Parts& parts, const DriverOptions& options);

}  // namespace aoe::guest
