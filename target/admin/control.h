// The protocol of the control socket of a running target: a request is one line of JSON, and so is
// its reply.
//
//   {"command":"status"}                                    {"ok":true,"text":"…","report":{…}}
//   {"command":"mask","lun":"e0.2","add":["02:…"]}          {"ok":true,"text":"…","mask":["02:…"]}
//   {"command":"reserve","lun":"e0.2","macs":["02:…"]}      {"ok":true,"text":"…","reservation":…}
//   {"command":"config","lun":"e0.2","set":"text"}          {"ok":true,"text":"…","config_string":…}
//   {"command":"resize","lun":"e0.2"}                       {"ok":true,"text":"…","sectors":4096,…}
//   {"command":"set","lun":"e0.2","values":{"sync":"true"}} {"ok":true,"text":"…","changes":["e0.2: …"]}
//   {"command":"promote","lun":"e0.2"}                      {"ok":true,"text":"…","role":"active",…}
//   {"command":"trace","lun":"e0.2","from":7}               {"ok":true,"text":"…","next":9,"missed":0,…}
//   {"command":"format"}                                    {"ok":false,"error":"command: …"}
//
// `text` is what `aoe-target ctl` shows to a person. Nothing here does I/O: control_server.h reads
// and writes the lines, and the daemon makes the replies. A malformed line only causes an error
// reply.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/local/stream_protocol.hpp>
#include <tl/expected.hpp>

#include "proto/address.h"
#include "target/service/report.h"
#include "target/service/request_log.h"

namespace aoe::target {

/// Bytes of a request, without its newline.
inline constexpr std::size_t control_line_size_max = 65536;

/// Those from mask on are about one LUN.
enum class ControlCommand : std::uint8_t {
  status,
  stats,
  metrics,
  reload,
  clients,
  clear_stats,
  mask,
  reserve,
  config,
  resize,
  reopen,
  role,
  promote,
  demote,
  trace,
  add,
  set,
  remove,
};

/// Returns the word of a command.
std::string_view text(ControlCommand command);

struct ControlRequest {
  ControlCommand command{};
  Address lun{};  // of those from mask on

  // mask: changes the mask list (§3.3) first. Removals are done before additions.
  std::vector<Mac> add{};
  std::vector<Mac> remove{};
  /// reserve: replaces the reservation (§3.4) first. An empty list releases it.
  std::optional<std::vector<Mac>> macs{};
  /// config: sets the config string (§3.2) first, at most 1024 bytes.
  std::optional<std::string> set{};

  /// add, set: texts in YAML by keys of the configuration; an empty one takes the key out.
  std::map<std::string, std::string> values{};
  /// trace: the number of the first line; nothing: from now on.
  std::optional<std::uint64_t> from{};
  /// add, set, remove: whether the next start is to find that, too.
  bool save = false;

  /// Returns whether it changes what is set in the LUN.
  bool edits() const { return !add.empty() || !remove.empty() || macs || set; }
  void edit(LunState& state) const;

  bool operator==(const ControlRequest&) const = default;
};

/// Returns the address of a control socket. Error: "'': no path of a socket".
tl::expected<boost::asio::local::stream_protocol::endpoint, std::string> control_endpoint(
    const std::string& path);

/// Parses a request. The error is one line that names the field: "lun: expected a LUN such as
/// e0.2".
tl::expected<ControlRequest, std::string> parse_request(std::string_view line);

/// Returns the line of a request, without a newline.
std::string request_line(const ControlRequest& request);

// Each of these returns a reply: one line without a newline.

std::string error_reply(std::string_view error);
/// `text`: a table of the report, for a person.
std::string report_reply(std::string text, const TargetReport& report);
std::string clients_reply(const ClientsReport& report);
/// The reply to clear_stats.
std::string cleared_reply();
/// The reply to trace. `now` and `wall`: the present instant, and as a time of day.
std::string trace_reply(const RequestLog::Lines& lines, Instant now,
                        std::chrono::system_clock::time_point wall);
std::string metrics_reply(const TargetReport& report);
/// `changes`: what a reload has changed, a line each: "e0.2: added".
std::string reload_reply(const std::vector<std::string>& changes);
/// The reply to resize or reopen. `what` has become of the LUN: "grown from 2048 to 4096 sectors".
std::string size_reply(Address lun, std::string_view what, std::uint64_t sectors_before,
                       std::uint64_t sectors);
/// The reply to role: "active", "standby", or "missing" where an active LUN can't be served.
std::string role_reply(Address lun, std::string_view role);
/// The reply to promote or demote. `what` has become of the LUN: "promoted", "stands by already".
/// `changed`: whether anything has.
std::string role_reply(Address lun, std::string_view what, bool stands_by, bool changed);
/// The reply to mask, reserve or config: what is set in the LUN now.
std::string state_reply(const ControlRequest& request, const LunState& state);

/// Returns the number from which a reader of trace asks next, by the reply; nothing where it has none.
std::optional<std::uint64_t> trace_next(std::string_view line);

/// Returns the text of a reply, or the error in it, or why it is not a reply.
tl::expected<std::string, std::string> parse_reply(std::string_view line);

}  // namespace aoe::target
