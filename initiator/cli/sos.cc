#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "initiator/cli/commands.h"
#include "initiator/cli/facts.h"
#include "proto/describe.h"

namespace aoe::initiator {

void sos_command(const CommandOptions& options, std::string_view version) {
  using nlohmann::ordered_json;
  Connection connection(options);
  ordered_json events = ordered_json::array();
  connection.listen([&](const Event& event) {
    constexpr std::size_t events_max = 1000;
    if (events.size() < events_max) events.push_back(describe(event));
  });
  connection.gather(Connection::Gather::identify);

  ordered_json devices = ordered_json::array();
  for (const DeviceStatus& device : connection.client().devices()) {
    devices.push_back(facts_of(device));
  }
  ordered_json interfaces = ordered_json::array();
  for (const InterfaceStatus& interface : connection.client().interfaces()) {
    interfaces.push_back(facts_of(interface));
  }
  const Parameters& parameters = connection.client().parameters();
  print({{"version", version},
         {"system", system_text()},
         {"parameters",
          {{"deadsecs", parameters.deadsecs.count()},
           {"maxout", parameters.maxout},
           {"profile", parameters.profile == Profile::rfc6298 ? "rfc6298" : "linux"}}},
         {"interfaces", interfaces},
         {"devices", devices},
         {"events", events}});
  connection.listen({});
  connection.check_all_alone(Connection::Reached::one);
}

}  // namespace aoe::initiator
