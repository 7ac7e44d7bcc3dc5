#include <cstdio>
#include <map>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "initiator/cli/commands.h"
#include "initiator/cli/facts.h"
#include "initiator/cli/interruption.h"
#include "initiator/cli/pings.h"
#include "wire/interfaces.h"

namespace aoe::initiator {

using nlohmann::ordered_json;
using std::chrono::milliseconds;

void discover_command(const CommandOptions& options) {
  Connection connection(options);

  struct Answer {
    ConfigReply config;
    std::string string;
  };
  std::map<std::tuple<Address, std::string, Mac>, Answer> answers;
  connection.listen([&](const Event& event) {
    if (event.kind != Event::Kind::config_answer) return;
    const auto& name = connection.client().interface_name(event.port);
    answers[{event.device, name, event.mac}] = {
        event.config, std::string(event.config.string.begin(), event.config.string.end())};
  });
  connection.gather(Connection::Gather::answers);

  if (options.json) {
    ordered_json list = ordered_json::array();
    for (const auto& [key, answer] : answers) {
      const auto& [address, interface, mac] = key;
      list.push_back({{"device", fmt::format("{}", address)},
                      {"interface", interface},
                      {"mac", fmt::format("{}", mac)},
                      {"buffers", answer.config.buffer_count},
                      {"sectors", answer.config.sector_count},
                      {"firmware", answer.config.firmware},
                      {"config", answer.string}});
    }
    print(list);
  }
  if (answers.empty()) throw connection.nothing_found();
  if (options.json) return connection.check_all_alone(Connection::Reached::all);
  fmt::print("{:<10} {:<12} {:<17} {:>7} {:>7} {:>8}  {}\n", "device", "interface", "mac",
             "buffers", "sectors", "firmware", "config");
  for (const auto& [key, answer] : answers) {
    const auto& [address, interface, mac] = key;
    fmt::print("{:<10} {:<12} {} {:>7} {:>7} {:>8}  {}\n", fmt::format("{}", address), interface,
               mac, answer.config.buffer_count, answer.config.sector_count,
               fmt::format("{:04x}", answer.config.firmware), one_line(answer.string));
  }
  connection.check_all_alone(Connection::Reached::all);
}

void stat_command(const CommandOptions& options, std::optional<Address> only) {
  Connection connection(options);
  if (only) {
    try {
      connection.open_disk(*only);
    } catch (const Failed&) {
      if (options.json) print(ordered_json::array());
      throw;
    }
    connection.wait_for_others(*only);
  } else {
    connection.gather(Connection::Gather::identify);
  }

  ordered_json list = ordered_json::array();
  const auto devices = connection.client().devices();
  for (const DeviceStatus& device : devices) {
    if (only && device.address != *only) continue;
    if (options.json) {
      list.push_back(stat_facts(device));
    } else {
      fmt::print("{}\n", stat_line(device));
    }
  }
  if (options.json) print(list);
  if (devices.empty()) throw connection.nothing_found();
  if (!only) connection.check_complete();
  for (const DeviceStatus& device : devices) {
    if (!only || device.address == *only) connection.check_no_other(device.address);
  }
}

void identify_command(const CommandOptions& options, Address address) {
  Connection connection(options);
  const DeviceStatus status = connection.open_disk(address).status();
  ordered_json facts = {{"device", fmt::format("{}", address)}};
  facts.update(facts_of(*status.identity));
  facts.update({{"bytes", status.size()},
                {"interfaces", interfaces_of(status)},
                {"payload", status.payload}});
  if (options.json) print(facts);
  for (const auto& [name, value] : facts.items()) {
    if (options.json) break;
    if (value.is_null()) {
      fmt::print("{:<22}unknown\n", name);
    } else if (value.is_array()) {
      fmt::print("{:<22}{}\n", name, fmt::join(value.get<std::vector<std::string>>(), ","));
    } else {
      fmt::print("{:<22}{}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  connection.check_alone(address);
}

void interfaces_command(const CommandOptions& options) {
  for (const std::string& name : options.interfaces) {
    if (!is_glob(name)) or_fail(choose_interfaces({name}));
  }
  ordered_json list = ordered_json::array();
  const auto all = or_fail(list_interfaces());
  const auto unmatched = find_unmatched(all, options.interfaces);
  const bool has_any = unmatched.empty() || unmatched.size() < options.interfaces.size();
  for (const std::string& pattern : unmatched) {
    if (has_any) complain(pattern + ": matches no Ethernet interface");
  }
  if (!options.json && has_any) {
    fmt::print("{:<15} {:<17} {:>5} {:>7} {}\n", "interface", "mac", "mtu", "sectors", "state");
  }
  for (const Interface& interface : all) {
    const bool is_wanted =
        options.interfaces.empty() ? interface.ethernet : matches(interface, options.interfaces);
    if (!is_wanted) continue;
    const Link& link = interface.link;
    const unsigned sectors = sectors_per_frame(link.mtu);
    const std::string_view state = link.up ? "up" : "down";
    const std::string port_of = interface.is_port() ? ", a port of " + interface.master : "";
    if (options.json) {
      list.push_back({{"interface", interface.name},
                      {"mac", fmt::format("{}", link.mac)},
                      {"mtu", link.mtu},
                      {"sectors", sectors},
                      {"state", state}});
      if (interface.is_port()) list.back()["port-of"] = interface.master;
    } else {
      fmt::print("{:<15} {} {:>5} {:>7} {}{}\n", interface.name, link.mac, link.mtu, sectors, state,
                 port_of);
    }
  }
  if (options.json) print(list);
  if (!has_any) {
    throw Failed(fmt::format("{}: matches no Ethernet interface", fmt::join(unmatched, ", ")));
  }
}

int ping_command(const CommandOptions& options, Address address, unsigned count,
                 milliseconds interval) {
  Connection connection(options);
  Client& client = connection.client();

  Pings pings(count, interval, options.wait);
  const auto now = [] { return Instant(std::chrono::steady_clock::now().time_since_epoch()); };
  connection.listen([&](const Event& event) {
    if (event.kind != Event::Kind::config_answer || event.device != address) return;
    const auto answer = pings.answered(event.tag, now());
    if (!answer) return;
    const std::chrono::duration<double, std::milli> taken = answer->taken;
    fmt::print("{} ({}) on {}: seq={} time={:.3f} ms\n", address, event.mac,
               client.interface_name(event.port), answer->sequence, taken.count());
    std::fflush(stdout);
  });
  const Interruption interruption(connection.loop());
  while (!pings.done() && !interruption) {
    if (const Instant asked = now(); pings.due(asked)) {
      pings.asked(client.discover(address), asked);
    }
    connection.wait([&] { return pings.done() || interruption; }, pings.deadline() - now());
    // What has come counts, even where this process was kept from seeing it in time.
    connection.loop().poll();
    pings.give_up(now());
  }
  // After a signal, those whose time is not over are neither answered nor lost.
  const unsigned asked = pings.decided();
  fmt::print("{}: {} asked, {} answered, {:.0f} % lost\n", address, asked, pings.answers(),
             asked == 0 ? 0.0 : 100.0 * (asked - pings.answers()) / asked);
  if (interruption) return interruption.status();
  if (pings.answers() == 0) {
    throw Failed(fmt::format("{}: no answer on {}", address, client.interface_names()));
  }
  connection.listen({});
  connection.check_alone(address, Connection::Reached::all);
  return 0;
}

void revalidate_command(const CommandOptions& options, Address address) {
  Connection connection(options);
  const std::uint64_t sectors = connection.ask(address, IdentifyQuery{}).identity->sectors;
  if (options.json) {
    print({{"device", fmt::format("{}", address)},
           {"sectors", sectors},
           {"bytes", sectors * sector_size}});
  } else {
    fmt::print("{}: {} sectors, {} bytes\n", address, sectors, sectors * sector_size);
  }
  connection.check_alone(address, Connection::Reached::all);
}

void flush_command(const CommandOptions& options, Address address) {
  Connection connection(options);
  Disk disk = connection.open_disk(address);
  const auto error = connection.result_of([&](auto done) { disk.async_flush(done); });
  if (error) throw Failed(fmt::format("{}: flushing: {}", address, error.message()));
  connection.check_alone(address);
}

}  // namespace aoe::initiator
