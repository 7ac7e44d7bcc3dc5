#include <unistd.h>

#include <cstdio>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "initiator/cli/commands.h"

namespace aoe::initiator {
namespace {

using nlohmann::ordered_json;

void print_macs(bool json, Address device, const std::vector<Mac>& macs) {
  ordered_json list = ordered_json::array();
  for (const Mac& mac : macs) {
    if (!json) fmt::print("{}\n", mac);
    list.push_back(fmt::format("{}", mac));
  }
  if (json) print({{"device", fmt::format("{}", device)}, {"macs", list}});
}

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<std::uint8_t>(byte));
  return text;
}

/// Throws Failed when the list would have no address of an interface by which the target answers.
void refuse_lockout(Connection& connection, Address device, const MaskChange& change) {
  std::set<Mac> list;
  for (const Mac& mac : connection.ask(device, MaskQuery{}).macs) list.insert(mac);
  for (const Mac& mac : change.remove) list.erase(mac);
  list.insert(change.add.begin(), change.add.end());
  if (list.empty()) return;
  connection.gather(Connection::Gather::answers);
  std::set<std::string> names;
  if (const auto status = connection.client().device(device)) {
    for (const PathStatus& path : status->paths) names.insert(path.interface);
  }
  for (const InterfaceStatus& interface : connection.client().interfaces()) {
    if (names.contains(interface.name) && list.contains(interface.mac)) return;
  }
  throw Failed(
      fmt::format("{}: the mask list would have no address of an interface by which the target "
                  "answers ({}), and it would not answer this machine any more (--force changes "
                  "it all the same)",
                  device, fmt::join(names, ", ")));
}

}  // namespace

std::string read_config_string() {
  std::string text(config_string_size_max + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), stdin));
  if (std::ferror(stdin) != 0) throw Failed(system_message("reading standard input"));
  return text;
}

void config_command(const CommandOptions& options, Address device, const ConfigQuery& query) {
  const bool conditional =
      query.command == ConfigCommand::test || query.command == ConfigCommand::prefix;
  Connection connection(options);
  const QueryAnswer answer =
      connection.ask(device, query, conditional ? "no target's config string matches" : "");
  if (!options.json) {
    const bool for_people = ::isatty(STDOUT_FILENO) == 1;
    fmt::print("{}\n", for_people ? one_line(answer.string) : answer.string);
    return connection.check_alone(device, Connection::Reached::all);
  }
  print({{"device", fmt::format("{}", device)},
         {"mac", fmt::format("{}", answer.mac)},
         {"buffers", answer.buffers},
         {"sectors", answer.sectors},
         {"firmware", answer.firmware},
         {"config", answer.string},
         {"config-hex", hexadecimal(answer.string)}});
  connection.check_alone(device, Connection::Reached::all);
}

/// Discovery, whose replies carry the strings, does for all of them what is a query for each.
void config_of_all_command(const CommandOptions& options, const ConfigQuery& query) {
  using Key = std::tuple<Address, std::string, Mac>;
  Connection connection(options);
  std::map<Key, std::string> found;
  std::size_t answers = 0;
  connection.listen([&](const Event& event) {
    if (event.kind != Event::Kind::config_answer) return;
    ++answers;
    const auto bytes = event.config.string;
    std::string string(bytes.begin(), bytes.end());
    const bool matches = query.command == ConfigCommand::test ? string == query.string
                                                              : string.starts_with(query.string);
    const Key key{event.device, connection.client().interface_name(event.port), event.mac};
    if (matches) found[key] = std::move(string);
  });
  connection.gather(Connection::Gather::answers);

  ordered_json list = ordered_json::array();
  for (const auto& [key, string] : found) {
    const auto& [device, interface, mac] = key;
    if (!options.json)
      fmt::print("{:<10} {:<12} {} {}\n", fmt::format("{}", device), interface, mac,
                 one_line(string));
    list.push_back({{"device", fmt::format("{}", device)},
                    {"interface", interface},
                    {"mac", fmt::format("{}", mac)},
                    {"config", string},
                    {"config-hex", hexadecimal(string)}});
  }
  if (options.json) print(list);
  if (answers == 0) throw connection.nothing_found();
  if (found.empty()) throw Failed("no target has such a config string");
}

void mask_command(const CommandOptions& options, Address device, const MaskChange& change) {
  MaskQuery query;
  for (const Mac& mac : change.remove) {
    query.directives.push_back({static_cast<std::uint8_t>(DirectiveCommand::remove), mac});
  }
  for (const Mac& mac : change.add) {
    query.directives.push_back({static_cast<std::uint8_t>(DirectiveCommand::add), mac});
  }
  Connection connection(options);
  if (!query.directives.empty() && !change.force) refuse_lockout(connection, device, change);
  const QueryAnswer answer = connection.ask(device, query);
  if (answer.mask_error != MaskError::none) {
    throw Failed(fmt::format("{}: mask list: {} ({} of {} directives done)", device,
                             text(answer.mask_error), answer.directives_done,
                             query.directives.size()));
  }
  print_macs(options.json, device, answer.macs);
  connection.check_alone(device, Connection::Reached::all);
}

void reserve_command(const CommandOptions& options, Address device, const ReserveQuery& query) {
  Connection connection(options);
  print_macs(options.json, device, connection.ask(device, query).macs);
  connection.check_alone(device, Connection::Reached::all);
}

}  // namespace aoe::initiator
