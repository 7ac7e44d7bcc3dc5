// The content of the small files of a mount, and the commands that are written to them: the Linux
// driver's sysfs attributes, module parameters and control files.
//
// Pure functions: text from status and settings, commands from text. file_system.h carries commands
// out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "initiator/client/status.h"
#include "initiator/engine/parameters.h"
#include "initiator/mount/tree.h"

namespace aoe::initiator {

/// The driver's parameters that are not the client's.
struct Settings {
  std::vector<std::string> interfaces;  // empty: all
};

/// Returns the content of sys/block/etherd!e0.2/{state,...} as the driver formats it, with a
/// newline; of queue/max_sectors_kb and max_hw_sectors_kb what one command moves at most, in whole
/// KiB; and of sys/kernel/debug/aoe/e0.2 (debug_text.h).
std::string show(Node::Kind kind, const DeviceStatus& device);
/// Returns that of sys/module/aoe/parameters/{aoe_deadsecs,...}.
std::string show(Node::Kind kind, const Parameters& parameters, const Settings& settings);

/// What is written to a control file or parameter.
struct Command {
  enum class Kind : std::uint8_t {
    discover,
    revalidate,   // device
    forget_down,  // devices that are not open, as the next two
    forget_all,
    forget,          // device
    set_interfaces,  // names; empty: all
    set_deadsecs,    // value, as the next two
    set_maxout,
    set_dyndevs,
  };

  Kind kind;
  Address device{};
  std::vector<std::string> names{};
  unsigned value = 0;
};

/// Returns the command of `text`, written to a control file or parameter; nothing if it is invalid.
std::optional<Command> parse_command(Node::Kind kind, std::string_view text);

}  // namespace aoe::initiator
