// The asking side of the control socket: `aoe-target ctl`.
#pragma once

#include <cstdio>
#include <string>

#include <tl/expected.hpp>

#include "base/instant.h"
#include "target/admin/control.h"

namespace aoe::target {

struct ControlArguments {
  std::string socket;  // path
  bool json = false;   // show the reply as it came
  ControlRequest request;
  Duration timeout = std::chrono::seconds(5);  // for all of it
};

/// Asks the target that listens at `socket` one thing, and waits for the line that it replies
/// (without its newline). Error: "/run/aoe-target.sock: Connection refused".
tl::expected<std::string, std::string> ask_target(const std::string& socket,
                                                  const std::string& line, Duration timeout);

/// Asks, and prints what was asked for to `out`, or "aoe-target: what went wrong" to `errors`.
/// Returns the exit status: 0 or 1.
int run_control(const ControlArguments& arguments, std::FILE* out, std::FILE* errors = stderr);

}  // namespace aoe::target
