#include <fmt/format.h>
#include <nlohmann/json.hpp>

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

}  // namespace

void config_command(const CommandOptions& options, Address device, const ConfigQuery& query) {
  const bool conditional =
      query.command == ConfigCommand::test || query.command == ConfigCommand::prefix;
  const QueryAnswer answer = Connection(options).ask(
      device, query, conditional ? "no target's config string matches" : "");
  if (!options.json) return fmt::print("{}\n", answer.string);
  print({{"device", fmt::format("{}", device)},
         {"mac", fmt::format("{}", answer.mac)},
         {"buffers", answer.buffers},
         {"sectors", answer.sectors},
         {"firmware", answer.firmware},
         {"config", answer.string}});
}

void mask_command(const CommandOptions& options, Address device, const std::vector<Mac>& remove,
                  const std::vector<Mac>& add) {
  MaskQuery query;
  for (const Mac& mac : remove) {
    query.directives.push_back({static_cast<std::uint8_t>(DirectiveCommand::remove), mac});
  }
  for (const Mac& mac : add) {
    query.directives.push_back({static_cast<std::uint8_t>(DirectiveCommand::add), mac});
  }
  const QueryAnswer answer = Connection(options).ask(device, query);
  if (answer.mask_error != MaskError::none) {
    throw Failed(fmt::format("{}: mask list: {} ({} of {} directives done)", device,
                             text(answer.mask_error), answer.directives_done,
                             query.directives.size()));
  }
  print_macs(options.json, device, answer.macs);
}

void reserve_command(const CommandOptions& options, Address device, const ReserveQuery& query) {
  print_macs(options.json, device, Connection(options).ask(device, query).macs);
}

}  // namespace aoe::initiator
