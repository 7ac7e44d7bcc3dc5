// What the command line of aoe-target means: the words are main.cc's, the meaning is here, where a
// test can reach it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "target/service/definition.h"

namespace aoe::target {

/// Where the unit, the example configuration and `ctl` agree that the control socket is.
inline constexpr const char* default_control_socket = "/run/aoe-target/control.sock";

/// Where state is kept unless told: what systemd gives ($STATE_DIRECTORY), or
/// /var/lib/aoe-target.
std::string default_state_folder();

/// The options, as they were given.
struct CommandLine {
  LunDefinition lun;
  std::optional<int> shelf;
  std::optional<int> slot;
  std::string io;  // a word of --io; empty where not given
  bool direct = false;
  bool silent = false;
  std::string config_file;
  std::string state;  // empty where not given
  bool no_state = false;
  std::string control;
  std::optional<int> workers;
  bool busy_poll = false;
  std::string capture;
  bool trace = false;
  std::vector<std::string> operands;  // IMAGE, or SHELF SLOT IF IMAGE as for vblade
};

/// Fits operands and options together. Returns what is wrong with them: a usage error.
std::optional<std::string> complete(CommandLine& line);

/// What to serve: one LUN, or what the configuration file says, over which the options of the
/// process prevail. Errors: of read_config_file().
tl::expected<TargetDefinition, std::string> definition_of(const CommandLine& line);

/// A MAC address with colons or without, in upper or lower case, as vblade takes it.
std::optional<Mac> parse_loose_mac(std::string_view text);

/// "e0.2: disk.img: No such file or directory", of the first image or device that is not there.
std::optional<std::string> first_missing_image(const TargetDefinition& definition);

}  // namespace aoe::target
