// The client's side of the control socket: `aoe-target ctl`.
#pragma once

#include <cstdio>
#include <string>

#include <tl/expected.hpp>

#include "base/instant.h"
#include "target/admin/control.h"

namespace aoe::target {

struct ControlArguments {
  std::string socket;  // path
  bool json = false;   // print the reply's JSON
  ControlRequest request;
  /// From connecting to the end of the reply. A reload may wait some seconds for an NBD server
  /// before it says that it does not answer (NbdStore::Options::timeout).
  Duration timeout = std::chrono::seconds(30);
  /// Shows what is done in a second (control_top.h) instead of a reply, and on a terminal goes on with that.
  bool top = false;
  Duration interval = std::chrono::seconds(1);  // between two looks of `top`
};

/// Why there is no reply.
struct AskError {
  std::string text;             // a line: "/run/aoe-target.sock: Connection refused"
  bool nobody_listens = false;  // there is no socket, or no process has it
};

/// Sends a request to the target that listens at `socket`. Returns the reply, a line without its
/// newline.
tl::expected<std::string, AskError> ask_target(const std::string& socket, const std::string& line,
                                               Duration timeout);

/// The exit status of `ctl` where no target runs, as of an init script.
inline constexpr int exit_not_running = 3;

/// Sends a request and prints the reply to `out`, or the error, after "aoe-target: ", to `errors`. With
/// trace, and with `top` on a terminal, goes on until there is an error. Returns the exit status: 0, 1, or
/// exit_not_running.
int run_control(const ControlArguments& arguments, std::FILE* out, std::FILE* errors = stderr);

}  // namespace aoe::target
