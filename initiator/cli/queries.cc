#include "initiator/cli/queries.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace aoe::initiator {
namespace {

using nlohmann::ordered_json;

void print_macs(bool json, Address device, const std::vector<Mac>& macs) {
  ordered_json list = ordered_json::array();
  for (const Mac& mac : macs) {
    if (!json) fmt::print("{}\n", mac);
    list.push_back(fmt::format("{}", mac));
  }
  const ordered_json all = {{"device", fmt::format("{}", device)}, {"macs", list}};
  if (json) fmt::print("{}\n", all.dump(2));
}

}  // namespace

int config_command(const CommandOptions& options, Address device, const ConfigQuery& query) {
  const auto connection = Connection::open(options);
  if (connection == nullptr) return exit_failure;
  const bool conditional =
      query.command == ConfigCommand::test || query.command == ConfigCommand::prefix;
  const auto answer =
      connection->ask(device, query, conditional ? "no target's config string matches" : "");
  if (!answer) return exit_failure;
  if (options.json) {
    const ordered_json all = {
        {"device", fmt::format("{}", device)}, {"mac", fmt::format("{}", answer->mac)},
        {"buffers", answer->buffers},          {"sectors", answer->sectors},
        {"firmware", answer->firmware},        {"config", answer->string}};
    // A string is bytes, in whatever encoding.
    fmt::print("{}\n", all.dump(2, ' ', false, ordered_json::error_handler_t::replace));
  } else {
    fmt::print("{}\n", answer->string);
  }
  return 0;
}

int mask_command(const CommandOptions& options, Address device, const std::vector<Mac>& remove,
                 const std::vector<Mac>& add) {
  const auto connection = Connection::open(options);
  if (connection == nullptr) return exit_failure;
  MaskQuery query;
  for (const Mac& mac : remove) {
    query.directives.push_back({static_cast<std::uint8_t>(DirectiveCommand::remove), mac});
  }
  for (const Mac& mac : add) {
    query.directives.push_back({static_cast<std::uint8_t>(DirectiveCommand::add), mac});
  }
  const auto answer = connection->ask(device, query);
  if (!answer) return exit_failure;
  if (answer->mask_error != MaskError::none) {
    complain(fmt::format("{}: mask list: {} ({} of {} directives done)", device,
                         text(answer->mask_error), answer->directives_done,
                         query.directives.size()));
    return exit_failure;
  }
  print_macs(options.json, device, answer->macs);
  return 0;
}

int reserve_command(const CommandOptions& options, Address device, const ReserveQuery& query) {
  const auto connection = Connection::open(options);
  if (connection == nullptr) return exit_failure;
  const auto answer = connection->ask(device, query);
  if (!answer) return exit_failure;
  print_macs(options.json, device, answer->macs);
  return 0;
}

}  // namespace aoe::initiator
