// The meaning of aoe-target's command line. main.cc declares the options; their meaning is here,
// where a test can reach it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/log.h"
#include "target/service/definition.h"
#include "target/service/image_use.h"

namespace aoe::target {

/// The path of the control socket in the unit, in the example configuration and for `ctl`.
inline constexpr const char* default_control_socket = "/run/aoe-target/control.sock";

/// Returns the default state folder: the one that systemd provides ($STATE_DIRECTORY), or
/// /var/lib/aoe-target.
std::string default_state_folder();

/// Returns the control socket where none is given: in the folder that systemd provides
/// ($RUNTIME_DIRECTORY), so that systemctl reload finds it; else empty, for none.
std::string default_control_of_unit();

/// The options as given.
struct CommandLine {
  LunDefinition lun;
  std::optional<int> shelf;
  std::optional<int> slot;
  std::string io;  // a word of --io; empty where not given
  bool direct = false;
  bool silent = false;
  bool force = false;  // of every LUN
  std::string config_file;
  std::string state;  // empty where not given
  bool no_state = false;
  std::string control;
  std::optional<int> workers;
  bool busy_poll = false;
  std::string wildcards;  // a word of --wildcards; empty where not given
  std::optional<std::uint64_t> request_memory;
  std::string capture;
  LogLevel log_level = LogLevel::info;
  bool trace = false;
  bool is_strict = false;
  std::string user;      // to go on as; empty where not given
  bool sandbox = false;  // system calls are limited, as with a user
#ifdef NDEBUG
  unsigned watchdog = 0;  // milliseconds; see Daemon::Options
#else
  unsigned watchdog = 1000;
#endif
  std::vector<std::string> operands;  // IMAGE, or SHELF SLOT IF IMAGE as for vblade
};

/// Combines operands and options into line.lun. Returns the usage error, if there is one.
std::optional<std::string> complete(CommandLine& line);

/// Lays over a definition what the command line says of the process.
TargetDefinition with_options(const CommandLine& line, TargetDefinition definition);

/// Returns a word KEY=VALUE of `ctl add` or `set`; nothing where it is none. A relative path is relative to
/// the working folder, as any other of a command line.
std::optional<std::pair<std::string, std::string>> parse_setting(std::string_view word);
/// Returns the value of path or overlay in the words of the configuration: YAML, with an absolute path.
std::string path_setting(std::string_view path);

/// Parses a MAC address with or without colons, in upper or lower case, as vblade does.
std::optional<Mac> parse_loose_mac(std::string_view text);

}  // namespace aoe::target
