#include "target/admin/control.h"

#include <sys/un.h>

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "proto/codes.h"
#include "target/admin/metrics.h"
#include "target/lun/access_list.h"

namespace aoe::target {
namespace {

// Ordered: a reply begins with "ok", the report of a LUN or port with its name.
using Json = nlohmann::ordered_json;

/// In the order of ControlCommand.
constexpr std::array<std::string_view, 18> command_names{
    "status",  "stats",   "metrics", "reload", "clients", "clear-stats",
    "mask",    "reserve", "config",  "resize", "reopen",  "role",
    "promote", "demote",  "trace",   "add",    "set",     "remove"};

/// Thrown and caught within parse_request().
struct Malformed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Bytes that are not UTF-8 (in a config string or a path) become U+FFFD.
std::string line_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// A JSON object all of whose keys must be read.
class Fields {
 public:
  explicit Fields(Json object) : object_(std::move(object)) {
    if (!object_.is_object()) throw Malformed("expected a JSON object");
  }

  std::optional<std::string> text(const std::string& key) {
    const auto value = take(key);
    if (!value) return std::nullopt;
    if (!value->is_string()) throw Malformed(fmt::format("{}: expected a text", key));
    return value->get<std::string>();
  }

  std::optional<std::vector<Mac>> macs(const std::string& key) {
    const auto value = take(key);
    if (!value) return std::nullopt;
    if (!value->is_array()) throw Malformed(fmt::format("{}: expected a list of addresses", key));
    if (value->size() > MacSet::capacity) {
      throw Malformed(fmt::format("{}: {} addresses, and a list has {} at most", key, value->size(),
                                  MacSet::capacity));
    }
    std::vector<Mac> macs;
    for (const Json& item : *value) {
      const auto mac = item.is_string() ? parse_mac(item.get<std::string>()) : std::nullopt;
      if (!mac || mac->is_multicast()) {
        throw Malformed(
            fmt::format("{}: expected the address of a station, such as 02:00:00:0a:0b:0c", key));
      }
      macs.push_back(*mac);
    }
    return macs;
  }

  std::optional<std::uint64_t> number(const std::string& key) {
    const auto value = take(key);
    if (!value) return std::nullopt;
    if (!value->is_number_unsigned()) throw Malformed(fmt::format("{}: expected a number", key));
    return value->get<std::uint64_t>();
  }

  bool boolean(const std::string& key) {
    const auto value = take(key);
    if (value && !value->is_boolean())
      throw Malformed(fmt::format("{}: expected true or false", key));
    return value && value->get<bool>();
  }

  std::map<std::string, std::string> texts(const std::string& key) {
    const auto value = take(key);
    std::map<std::string, std::string> texts;
    if (!value) return texts;
    if (!value->is_object()) throw Malformed(fmt::format("{}: expected an object of texts", key));
    for (const auto& [name, text] : value->items()) {
      if (!text.is_string()) throw Malformed(fmt::format("{}: expected an object of texts", key));
      texts.emplace(name, text.get<std::string>());
    }
    return texts;
  }

  Address lun() {
    const auto address = parse_address(text("lun").value_or(""));
    if (!address) throw Malformed("lun: expected a LUN such as e0.2");
    return *address;
  }

  void finish() const {
    if (object_.empty()) return;
    throw Malformed(fmt::format("{}: unknown here", escaped(object_.begin().key())));
  }

 private:
  std::optional<Json> take(const std::string& key) {
    const auto found = object_.find(key);
    if (found == object_.end()) return std::nullopt;
    Json value = std::move(found.value());
    object_.erase(found);
    return value;
  }

  Json object_;
};

ControlRequest read(Fields& fields) {
  const auto name = fields.text("command");
  if (!name) throw Malformed("command: is missing");
  const auto known = std::ranges::find(command_names, *name);
  if (known == command_names.end()) {
    throw Malformed(fmt::format("command: expected one of {}", fmt::join(command_names, ", ")));
  }
  ControlRequest request{static_cast<ControlCommand>(known - command_names.begin())};
  if (request.command >= ControlCommand::mask) request.lun = fields.lun();
  if (request.command == ControlCommand::mask) {
    request.add = fields.macs("add").value_or(std::vector<Mac>{});
    request.remove = fields.macs("remove").value_or(std::vector<Mac>{});
  }
  if (request.command == ControlCommand::reserve) request.macs = fields.macs("macs");
  if (request.command == ControlCommand::config) request.set = fields.text("set");
  if (request.command == ControlCommand::trace) request.from = fields.number("from");
  if (request.command == ControlCommand::add || request.command == ControlCommand::set) {
    request.values = fields.texts("values");
  }
  if (request.command >= ControlCommand::add) request.save = fields.boolean("save");
  if (request.set && request.set->size() > config_string_size_max) {
    throw Malformed(fmt::format("set: {} bytes, and a config string has {} at most",
                                request.set->size(), config_string_size_max));
  }
  return request;
}

Json texts(const std::vector<Mac>& macs) {
  Json list = Json::array();
  for (const Mac& mac : macs) list.push_back(fmt::format("{}", mac));
  return list;
}

template <typename Enum, std::size_t N>
Json by_name(const std::array<std::uint64_t, N>& counters) {
  Json json = Json::object();
  for (std::size_t i = 0; i < N; ++i) json[std::string(text(static_cast<Enum>(i)))] = counters[i];
  return json;
}

template <typename Counters, std::size_t N>
void add_counters(Json& json, const std::array<CounterField<Counters>, N>& fields,
                  const Counters& counters) {
  for (const auto& field : fields) json[std::string(field.json)] = counters.*field.value;
}

Json json_of(const LunReport& lun) {
  Json json{
      {"lun", fmt::format("{}", lun.definition.address)},
      {"role", "active"},
      {"path", lun.definition.store.path},
      {"store", lun.store},
      {"sectors", lun.sectors},
      {"read_only", lun.definition.store.read_only},
      {"interfaces", lun.definition.interfaces},
      {"limits",
       {{"iops", lun.definition.limits.iops},
        {"bytes_per_second", lun.definition.limits.bytes_per_second}}},
      {"config_string", lun.state.config_string},
      {"mask", texts(lun.state.mask)},
      {"reservation", texts(lun.state.reserved)},
      {"other_target", lun.other_target ? Json(fmt::format("{}", *lun.other_target)) : Json()}};
  add_counters<LunCounters>(json, lun_counters, lun);
  json["silences"] = by_name<Silence>(lun.silences);
  json["latency"] = {{"counts", lun.latency.counts}, {"sum_ns", lun.latency.sum.count()}};
  return json;
}

Json json_of(const PortReport& port) {
  Json json{{"interface", port.interface},
            {"mac", fmt::format("{}", port.mac)},
            {"mtu", port.mtu},
            {"up", port.up}};
  add_counters<PortCounters>(json, port_counters, port);
  json["rejects"] = by_name<Rule>(port.rejects);
  add_counters<EdgeCounters>(json, edge_counters, port);
  return json;
}

Json json_of(const TargetReport& report) {
  Json luns = Json::array();
  for (const LunReport& lun : report.luns) luns.push_back(json_of(lun));
  Json missing = Json::array();
  for (const MissingReport& lun : report.missing) {
    missing.push_back(
        {{"lun", fmt::format("{}", lun.address)}, {"path", lun.path}, {"why", lun.why}});
  }
  Json standby = Json::array();
  for (const LunDefinition& lun : report.standby) {
    standby.push_back(
        {{"lun", fmt::format("{}", lun.address)}, {"role", "standby"}, {"path", lun.store.path}});
  }
  Json ports = Json::array();
  for (const PortReport& port : report.ports) ports.push_back(json_of(port));
  return {{"version", report.version},
          {"uptime_s", std::chrono::duration<double>(report.uptime).count()},
          {"luns", std::move(luns)},
          {"standby", std::move(standby)},
          {"missing", std::move(missing)},
          {"absent_interfaces", report.absent},
          {"ports", std::move(ports)}};
}

Json success(std::string text) {
  return {{"ok", true}, {"text", std::move(text)}};
}

}  // namespace

std::string_view text(ControlCommand command) {
  return command_names.at(static_cast<std::size_t>(command));
}

tl::expected<boost::asio::local::stream_protocol::endpoint, std::string> control_endpoint(
    const std::string& path) {
  if (path.empty() || path.size() >= sizeof(sockaddr_un{}.sun_path)) {
    return tl::unexpected(fmt::format("'{}': no path of a socket", path));
  }
  return path;
}

tl::expected<ControlRequest, std::string> parse_request(std::string_view line) {
  if (line.size() > control_line_size_max) {
    return tl::unexpected(fmt::format("a request has {} bytes at most", control_line_size_max));
  }
  try {
    Fields fields(Json::parse(line));
    const ControlRequest request = read(fields);
    fields.finish();
    return request;
  } catch (const Malformed& error) {
    return tl::unexpected(std::string(error.what()));
  } catch (const Json::exception&) {
    return tl::unexpected(std::string("expected a JSON object, in one line"));
  }
}

std::string request_line(const ControlRequest& request) {
  Json json{{"command", text(request.command)}};
  if (request.command >= ControlCommand::mask) json["lun"] = fmt::format("{}", request.lun);
  if (!request.add.empty()) json["add"] = texts(request.add);
  if (!request.remove.empty()) json["remove"] = texts(request.remove);
  if (request.macs) json["macs"] = texts(*request.macs);
  if (request.set) json["set"] = *request.set;
  if (!request.values.empty()) json["values"] = request.values;
  if (request.from) json["from"] = *request.from;
  if (request.save) json["save"] = true;
  return line_of(json);
}

void ControlRequest::edit(LunState& state) const {
  const auto contains = [](const std::vector<Mac>& macs, Mac mac) {
    return std::ranges::find(macs, mac) != macs.end();
  };
  std::erase_if(state.mask, [&](Mac mac) { return contains(remove, mac); });
  for (const Mac mac : add) {
    if (!contains(state.mask, mac)) state.mask.push_back(mac);
  }
  if (macs) state.reserved = *macs;
  if (set) {
    state.config_string = *set;
    state.is_default_string = false;
  }
}

std::string error_reply(std::string_view error) {
  return line_of({{"ok", false}, {"error", error}});
}

std::string report_reply(std::string text, const TargetReport& report) {
  Json json = success(std::move(text));
  json["report"] = json_of(report);
  return line_of(json);
}

std::string clients_reply(const ClientsReport& report) {
  const auto counters = [](const ClientCounters& client) {
    return Json{{"requests", client.requests},
                {"bytes_read", client.bytes_read},
                {"bytes_written", client.bytes_written},
                {"errors", client.errors},
                {"unanswered", client.unanswered}};
  };
  Json clients = Json::array();
  for (const ClientReport& client : report.clients) {
    Json each{{"client", fmt::format("{}", client.mac)},
              {"lun", fmt::format("{}", client.lun)},
              {"interface", client.interface},
              {"last_seen_s", std::chrono::duration<double>(client.last_seen_ago).count()}};
    each.update(counters(client));
    clients.push_back(std::move(each));
  }
  Json json = success(clients_table(report));
  json["clients"] = std::move(clients);
  json["others"] = counters(report.others);
  return line_of(json);
}

std::string cleared_reply() {
  return line_of(success("counters begin at 0\n"));
}

std::string trace_reply(const RequestLog::Lines& lines, Instant now,
                        std::chrono::system_clock::time_point wall) {
  std::string text;
  if (lines.missed > 0) text += fmt::format("({} lines are missing here)\n", lines.missed);
  Json list = Json::array();
  for (const RequestLog::Line& line : lines.lines) {
    const auto time = wall - std::chrono::duration_cast<std::chrono::microseconds>(now - line.time);
    const auto micros =
        std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch());
    text += fmt::format("{:%H:%M:%S}.{:06} {}\n",
                        fmt::gmtime(std::chrono::system_clock::to_time_t(time)),
                        micros.count() % 1'000'000, escaped(line.text));
    list.push_back({{"time_us", micros.count()}, {"text", line.text}});
  }
  Json json = success(std::move(text));
  json["next"] = lines.next;
  json["missed"] = lines.missed;
  json["lines"] = std::move(list);
  return line_of(json);
}

std::string metrics_reply(const TargetReport& report) {
  return line_of(success(prometheus_text(report)));
}

std::string reload_reply(const std::vector<std::string>& changes) {
  Json json = success(changes.empty() ? "nothing has changed\n"
                                      : fmt::format("{}\n", fmt::join(changes, "\n")));
  json["changes"] = changes;
  return line_of(json);
}

std::string size_reply(Address lun, std::string_view what, std::uint64_t sectors_before,
                       std::uint64_t sectors) {
  Json json = success(fmt::format("{}: {}\n", lun, what));
  json["lun"] = fmt::format("{}", lun);
  json["sectors_before"] = sectors_before;
  json["sectors"] = sectors;
  return line_of(json);
}

std::string role_reply(Address lun, std::string_view role) {
  Json json = success(fmt::format("{}\n", role));
  json["lun"] = fmt::format("{}", lun);
  json["role"] = role;
  return line_of(json);
}

std::string role_reply(Address lun, std::string_view what, bool stands_by, bool changed) {
  Json json = success(fmt::format("{}: {}\n", lun, what));
  json["lun"] = fmt::format("{}", lun);
  json["role"] = stands_by ? "standby" : "active";
  json["changed"] = changed;
  return line_of(json);
}

std::string state_reply(const ControlRequest& request, const LunState& state) {
  const auto reply = [&](std::string text, const char* name, Json value) {
    Json json = success(std::move(text));
    json["lun"] = fmt::format("{}", request.lun);
    json[name] = std::move(value);
    return line_of(json);
  };
  if (request.command == ControlCommand::config) {
    const std::string& set = state.config_string;
    return reply(set.empty() ? "" : escaped(set) + "\n", "config_string", set);
  }
  const bool is_mask = request.command == ControlCommand::mask;
  const std::vector<Mac>& macs = is_mask ? state.mask : state.reserved;
  std::string text;
  for (const Mac& mac : macs) text += fmt::format("{}\n", mac);
  return reply(std::move(text), is_mask ? "mask" : "reservation", texts(macs));
}

std::optional<std::uint64_t> trace_next(std::string_view line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("next") || !json["next"].is_number_unsigned()) {
    return std::nullopt;
  }
  return json["next"].get<std::uint64_t>();
}

tl::expected<std::string, std::string> parse_reply(std::string_view line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("ok") || !json["ok"].is_boolean()) {
    return tl::unexpected(std::string("the reply is not a target's"));
  }
  const bool ok = json["ok"].get<bool>();
  const char* key = ok ? "text" : "error";
  if (!json.contains(key) || !json[key].is_string()) {
    return tl::unexpected(std::string("the reply is not a target's"));
  }
  if (!ok) return tl::unexpected(json[key].get<std::string>());
  return json[key].get<std::string>();
}

}  // namespace aoe::target
