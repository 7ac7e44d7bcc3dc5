// The protocol of the control socket of a running target: a request is one line of JSON, and so is
// its reply.
//
//   {"command":"status"}                                    {"ok":true,"text":"…","report":{…}}
//   {"command":"mask","lun":"e0.2","add":["02:…"]}          {"ok":true,"text":"…","mask":["02:…"]}
//   {"command":"format"}                                    {"ok":false,"error":"command: …"}
//
// `text` is what `aoe-target ctl` shows to a person. Nothing here does I/O: control_server.h reads
// and writes the lines, and the daemon makes the replies. A malformed line only causes an error
// reply.
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

inline constexpr std::size_t control_line_size_max =
    65536;  // bytes of a request, without its newline

/// Commands without arguments.
enum class ControlCommand : std::uint8_t { status, stats, metrics, reload };

/// {"command":"mask","lun":"e0.2","add":["02:…"],"remove":["02:…"]}: changes the mask list
/// (§3.3), if asked to, and shows it. Removals are done before additions.
struct ControlMask {
  Address lun;
  std::vector<Mac> add;
  std::vector<Mac> remove;

  bool operator==(const ControlMask&) const = default;
};

/// {"command":"reserve","lun":"e0.2","macs":["02:…"]}: replaces the reservation (§3.4), if there
/// are `macs`, and shows it. An empty list releases it.
struct ControlReserve {
  Address lun;
  std::optional<std::vector<Mac>> macs;

  bool operator==(const ControlReserve&) const = default;
};

/// {"command":"config","lun":"e0.2","set":"text"}: sets the config string (§3.2), if there is
/// `set`, and shows it.
struct ControlConfig {
  Address lun;
  std::optional<std::string> set;  // at most 1024 bytes

  bool operator==(const ControlConfig&) const = default;
};

using ControlRequest = std::variant<ControlCommand, ControlMask, ControlReserve, ControlConfig>;

/// Parses a request. The error is one line that names the field: "lun: expected a LUN such as
/// e0.2".
tl::expected<ControlRequest, std::string> parse_request(std::string_view line);

/// Returns the line of a request, without a newline.
std::string request_line(const ControlRequest& request);

// Each of these returns a reply: one line without a newline.

std::string error_reply(std::string_view error);
std::string status_reply(const TargetReport& report);
std::string stats_reply(const TargetReport& report);
std::string metrics_reply(const TargetReport& report);
/// `changes`: what a reload has changed, a line each: "e0.2: added".
std::string reload_reply(const std::vector<std::string>& changes);
std::string mask_reply(Address lun, const std::vector<Mac>& entries);
std::string reserve_reply(Address lun, const std::vector<Mac>& holders);
std::string config_reply(Address lun, std::string_view config_string);

/// Returns the text of a reply, or the error in it, or why it is not a reply.
tl::expected<std::string, std::string> parse_reply(std::string_view line);

}  // namespace aoe::target
