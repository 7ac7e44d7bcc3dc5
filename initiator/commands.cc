#include "initiator/commands.h"

#include <unistd.h>

#include <cstdio>
#include <map>
#include <set>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace aoe::initiator {
namespace {

using nlohmann::ordered_json;
using std::chrono::milliseconds;

constexpr int exit_failure = 1;

/// How long answers to a discovery are gathered, and how often it is repeated in that time.
constexpr milliseconds gather_time{500};
constexpr int gather_rounds = 3;

/// A client, or nothing when the complaint has been made.
std::unique_ptr<OldClient> open_client(boost::asio::io_context& loop,
                                       const CommandOptions& options) {
  auto client = OldClient::open(loop, options.parameters, options.interfaces);
  if (client) return *std::move(client);
  complain(client.error());
  return nullptr;
}

const Device* find_device(OldClient& client, const CommandOptions& options, Address address) {
  const auto device = client.find(address, options.wait);
  if (device) return *device;
  complain(device.error());
  return nullptr;
}

void gather(OldClient& client) {
  for (int round = 0; round < gather_rounds; ++round) {
    if (round > 0) client.discover(Address::everyone());
    client.wait([] { return false; }, gather_time / gather_rounds);
  }
}

int nothing_found(const OldClient& client) {
  complain(fmt::format("no target answers on {}", client.interface_names()));
  return exit_failure;
}

std::string printable(Bytes bytes) {
  std::string text;
  for (const std::uint8_t c : bytes) text += c >= ' ' && c <= '~' ? static_cast<char>(c) : '?';
  return text;
}

std::string gigabytes(std::uint64_t sectors) {
  const std::uint64_t megabytes = sectors * sector_size / 1'000'000;
  return fmt::format("{:.3f}GB", static_cast<double>(megabytes) / 1000);
}

/// The interfaces through which a device is reached.
std::vector<std::string> interfaces_of(const OldClient& client, const Device& device) {
  std::set<std::string> names;
  for (const RemoteTarget& remote : device.remotes()) {
    for (const Path& path : remote.paths) names.insert(client.interface_name(path.port));
  }
  return {names.begin(), names.end()};
}

}  // namespace

void complain(std::string_view line) {
  fmt::print(stderr, "aoe-initiator: {}\n", line);
}

int discover_command(const CommandOptions& options) {
  boost::asio::io_context loop;
  const auto client = open_client(loop, options);
  if (client == nullptr) return exit_failure;

  struct Answer {
    ConfigReply config;
    std::string string;
  };
  std::map<std::tuple<Address, std::string, Mac>, Answer> answers;
  client->listen([&](const Event& event) {
    if (event.kind != Event::Kind::config_answer) return;
    const auto& name = client->interface_name(event.port);
    answers[{event.device, name, event.mac}] = {event.config, printable(event.config.string)};
  });
  client->discover(Address::everyone());
  gather(*client);

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
    fmt::print("{}\n", list.dump(2));
    return 0;
  }
  if (answers.empty()) return nothing_found(*client);
  fmt::print("{:<10} {:<12} {:<17} {:>7} {:>7} {:>8}  {}\n", "device", "interface", "mac",
             "buffers", "sectors", "firmware", "config");
  for (const auto& [key, answer] : answers) {
    const auto& [address, interface, mac] = key;
    fmt::print("{:<10} {:<12} {} {:>7} {:>7} {:>8}  {}\n", fmt::format("{}", address), interface,
               mac, answer.config.buffer_count, answer.config.sector_count,
               fmt::format("{:04x}", answer.config.firmware), answer.string);
  }
  return 0;
}

int stat_command(const CommandOptions& options, std::optional<Address> only) {
  boost::asio::io_context loop;
  const auto client = open_client(loop, options);
  if (client == nullptr) return exit_failure;
  if (only) {
    if (find_device(*client, options, *only) == nullptr) return exit_failure;
  } else {
    gather(*client);
  }

  ordered_json list = ordered_json::array();
  for (const auto& [address, device] : client->engine().devices()) {
    if (only && address != *only) continue;
    const std::uint64_t sectors = device->identity() ? device->identity()->sectors : 0;
    const auto interfaces = interfaces_of(*client, *device);
    if (options.json) {
      list.push_back({{"device", fmt::format("{}", address)},
                      {"size", sectors * sector_size},
                      {"interfaces", interfaces},
                      {"payload", device->payload()},
                      {"state", text(device->state())}});
    } else {
      fmt::print("{:>10} {:>15} {:>10} {:<5} {}\n", fmt::format("{}", address), gigabytes(sectors),
                 fmt::join(interfaces, ","), device->payload(), text(device->state()));
    }
  }
  if (options.json) {
    fmt::print("{}\n", list.dump(2));
  } else if (client->engine().devices().empty()) {
    return nothing_found(*client);
  }
  return 0;
}

int identify_command(const CommandOptions& options, Address address) {
  boost::asio::io_context loop;
  const auto client = open_client(loop, options);
  if (client == nullptr) return exit_failure;
  const Device* device = find_device(*client, options, address);
  if (device == nullptr) return exit_failure;

  const Identity& identity = *device->identity();
  const ordered_json facts = {{"device", fmt::format("{}", address)},
                              {"model", identity.model.view()},
                              {"serial", identity.serial.view()},
                              {"firmware", identity.firmware.view()},
                              {"sectors", identity.sectors},
                              {"bytes", identity.sectors * sector_size},
                              {"physical-sector-size", identity.physical_sector_size},
                              {"lba48", identity.lba48},
                              {"flush-cache", identity.flush_cache},
                              {"flush-cache-ext", identity.flush_cache_ext},
                              {"checksum", identity.checksum_wrong ? "wrong" : "ok"},
                              {"interfaces", interfaces_of(*client, *device)},
                              {"payload", device->payload()}};
  if (options.json) {
    fmt::print("{}\n", facts.dump(2));
    return 0;
  }
  for (const auto& [name, value] : facts.items()) {
    if (value.is_array()) {
      fmt::print("{:<22}{}\n", name, fmt::join(value.get<std::vector<std::string>>(), ","));
    } else {
      fmt::print("{:<22}{}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  return 0;
}

int ping_command(const CommandOptions& options, Address address, unsigned count,
                 milliseconds interval) {
  boost::asio::io_context loop;
  const auto client = open_client(loop, options);
  if (client == nullptr) return exit_failure;

  std::uint32_t tag = 0;
  Instant asked;
  unsigned answered = 0;
  bool answered_now = false;
  unsigned sequence = 0;
  client->listen([&](const Event& event) {
    if (event.kind != Event::Kind::config_answer || event.device != address || event.tag != tag)
      return;
    const std::chrono::duration<double, std::milli> taken = monotonic_now() - asked;
    fmt::print("{} ({}) on {}: seq={} time={:.3f} ms\n", address, event.mac,
               client->interface_name(event.port), sequence, taken.count());
    std::fflush(stdout);
    answered_now = true;
  });
  for (sequence = 1; sequence <= count; ++sequence) {
    answered_now = false;
    asked = monotonic_now();
    tag = client->discover(address);
    const bool last = sequence == count;
    // The last one is only waited for; the others keep their distance.
    client->wait([&] { return last && answered_now; },
                 last ? milliseconds(options.wait) : interval);
    answered += answered_now;
  }
  fmt::print("{}: {} asked, {} answered, {:.0f} % lost\n", address, count, answered,
             100.0 * (count - answered) / count);
  return answered > 0 ? 0 : exit_failure;
}

namespace {

using Transfer = Transferred(OldClient&, const Device&, const Extent&, int);

int transfer(const CommandOptions& options, Address address, const Extent& extent, bool quiet,
             Transfer& move, int descriptor) {
  boost::asio::io_context loop;
  const auto client = open_client(loop, options);
  if (client == nullptr) return exit_failure;
  const Device* device = find_device(*client, options, address);
  if (device == nullptr) return exit_failure;

  const Instant begun = monotonic_now();
  const Transferred moved = move(*client, *device, extent, descriptor);
  const double seconds = std::chrono::duration<double>(monotonic_now() - begun).count();
  if (!moved) {
    complain(moved.error());
    return exit_failure;
  }
  if (!quiet) {
    fmt::print(stderr, "{} bytes in {:.3f} s, {:.1f} MB/s, {} retransmissions\n", *moved, seconds,
               static_cast<double>(*moved) / 1e6 / seconds, device->counters().retransmissions);
  }
  return 0;
}

}  // namespace

int read_command(const CommandOptions& options, Address device, const Extent& extent, bool quiet) {
  return transfer(options, device, extent, quiet, read_disk, STDOUT_FILENO);
}

int write_command(const CommandOptions& options, Address device, const Extent& extent, bool quiet) {
  return transfer(options, device, extent, quiet, write_disk, STDIN_FILENO);
}

}  // namespace aoe::initiator
