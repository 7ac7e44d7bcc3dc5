// What is said on the control socket of a running target: one line of JSON asks, one line answers.
//
//   {"command":"status"}                                    {"ok":true,"text":"…","report":{…}}
//   {"command":"mask","lun":"e0.2","add":["02:…"]}          {"ok":true,"text":"…","mask":["02:…"]}
//   {"command":"format"}                                    {"ok":false,"error":"command: …"}
//
// `text` is what `aoe-target ctl` shows to a person. Nothing here does I/O: control_server.h reads
// and writes the lines, the daemon knows the answers. Whatever a line holds, the worst is an error.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <tl/expected.hpp>

#include "proto/address.h"
#include "target/service/report.h"

namespace aoe::target {

inline constexpr std::size_t control_line_size_max = 65536;  // bytes of a request, newline apart

/// Commands that are their name alone.
enum class ControlCommand : std::uint8_t { status, stats, metrics, reload };

/// {"command":"mask","lun":"e0.2","add":["02:…"],"remove":["02:…"]}: shows the mask list (§3.3),
/// changed before. What is removed is removed first.
struct ControlMask {
  Address lun;
  std::vector<Mac> add;
  std::vector<Mac> remove;

  bool operator==(const ControlMask&) const = default;
};

/// {"command":"reserve","lun":"e0.2","macs":["02:…"]}: shows the reservation (§3.4), replaced
/// before; an empty list releases.
struct ControlReserve {
  Address lun;
  std::optional<std::vector<Mac>> macs;

  bool operator==(const ControlReserve&) const = default;
};

/// {"command":"config","lun":"e0.2","set":"text"}: shows the config string (§3.2), set before.
struct ControlConfig {
  Address lun;
  std::optional<std::string> set;  // at most 1024 bytes

  bool operator==(const ControlConfig&) const = default;
};

using ControlRequest = std::variant<ControlCommand, ControlMask, ControlReserve, ControlConfig>;

/// Reads a line. Error: one line that names what is wrong, "lun: expected a LUN such as e0.2".
tl::expected<ControlRequest, std::string> parse_request(std::string_view line);

/// The line that asks for this, without a newline.
std::string request_line(const ControlRequest& request);

// Replies, each one line without a newline.

std::string error_reply(std::string_view error);
std::string status_reply(const TargetReport& report);
std::string stats_reply(const TargetReport& report);
std::string metrics_reply(const TargetReport& report);
/// What reading the configuration again has changed, a line each: "e0.2: added".
std::string reload_reply(const std::vector<std::string>& changes);
std::string mask_reply(Address lun, const std::vector<Mac>& entries);
std::string reserve_reply(Address lun, const std::vector<Mac>& holders);
std::string config_reply(Address lun, std::string_view config_string);

/// The text of a reply, or the error that it says (or is: "the reply is no JSON").
tl::expected<std::string, std::string> parse_reply(std::string_view line);

}  // namespace aoe::target
