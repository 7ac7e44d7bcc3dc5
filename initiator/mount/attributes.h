// What the small files of a mount say, and what it means to write them: the Linux driver's sysfs
// attributes, module parameters and control files.
//
// Pure: text from status and settings, commands from text. Who carries commands out is
// file_system.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <tl/expected.hpp>

#include "initiator/client/status.h"
#include "initiator/mount/tree.h"

namespace aoe::initiator {

/// The driver's parameters.
struct Settings {
  std::chrono::seconds deadsecs{};
  std::uint16_t maxout = 0;
  std::vector<std::string> interfaces;  // none: all
  bool dyndevs =
      true;  // how the driver numbers devices; here they have names, and it has no effect
};

/// The content of sys/block/etherd!e0.2/{state,...}, as the driver formats it; with its end of
/// line.
std::string show(Node::Kind kind, const DeviceStatus& device);
/// Of sys/module/aoe/parameters/{aoe_deadsecs,...}.
std::string show(Node::Kind kind, const Settings& settings);

struct Discover {};
struct Revalidate {
  Address device;
};
/// Forget devices that nobody holds open.
struct Forget {
  enum class Which : std::uint8_t { down, all, one };
  Which which = Which::down;
  Address device{};  // the one
};
struct SetInterfaces {
  std::vector<std::string> names;  // none: all
};
struct SetDeadsecs {
  std::chrono::seconds value;
};
struct SetMaxout {
  std::uint16_t value;
};
struct SetDyndevs {
  bool value;
};
using Command =
    std::variant<Discover, Revalidate, Forget, SetInterfaces, SetDeadsecs, SetMaxout, SetDyndevs>;

/// What it means to write `text` to a control file or parameter; nothing where it makes no sense.
std::optional<Command> parse_command(Node::Kind kind, std::string_view text);

}  // namespace aoe::initiator
