#include "initiator/cli/facts.h"

#include <sys/utsname.h>

#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace aoe::initiator {
namespace {

using nlohmann::ordered_json;

double in_microseconds(Duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

}  // namespace

ordered_json facts_of(const std::vector<PathStatus>& paths) {
  ordered_json list = ordered_json::array();
  for (const PathStatus& path : paths) {
    list.push_back({{"interface", path.interface},
                    {"mac", fmt::format("{}", path.mac)},
                    {"mtu", path.mtu},
                    {"standing", path.standing},
                    {"payload", path.payload},
                    {"payload-sectors", path.payload / sector_size},
                    {"buffers", path.buffers},
                    {"sectors", path.sectors},
                    {"window", path.window},
                    {"window-max", path.window_max},
                    {"window-threshold", path.threshold},
                    {"outstanding", path.outstanding},
                    {"round-trip-us", in_microseconds(path.round_trip)},
                    {"round-trip-deviation-us", in_microseconds(path.deviation)},
                    {"retransmit-timeout-us", in_microseconds(path.retransmit_timeout)},
                    {"suspect", path.suspect}});
  }
  return list;
}

ordered_json facts_of(const Identity& identity) {
  return {{"model", identity.model.view()},
          {"serial", identity.serial.view()},
          {"firmware", identity.firmware.view()},
          {"sectors", identity.sectors},
          {"physical-sector-size", identity.physical_sector_size},
          {"lba48", identity.lba48},
          {"flush-cache", identity.flush_cache},
          {"flush-cache-ext", identity.flush_cache_ext},
          {"trim", identity.trim},
          {"trimmed-reads-zero", identity.trimmed_reads_zero},
          {"rotation-rate", identity.rotation ? ordered_json(*identity.rotation) : ordered_json()}};
}

ordered_json facts_of(const DeviceStatus& device) {
  ordered_json facts = {{"device", fmt::format("{}", device.address)},
                        {"state", device.state},
                        {"size", device.size()},
                        {"payload", device.payload},
                        {"firmware", device.firmware}};
  if (device.identity) facts["identity"] = facts_of(*device.identity);
  facts["paths"] = facts_of(device.paths);
  facts["counters"] = {{"commands", device.counters.commands},
                       {"retransmissions", device.counters.retransmissions},
                       {"early-retransmissions", device.counters.early_retransmissions},
                       {"late-answers", device.counters.late_answers},
                       {"refused-answers", device.counters.refused_answers},
                       {"replaced", device.counters.replaced}};
  return facts;
}

std::set<std::string> interfaces_of(const DeviceStatus& device) {
  std::set<std::string> names;
  for (const PathStatus& path : device.paths) {
    if (!path.is_foreign()) names.insert(path.interface);
  }
  return names;
}

ordered_json stat_facts(const DeviceStatus& device) {
  ordered_json others = ordered_json::array();
  for (const PathStatus& path : device.others()) {
    others.push_back({{"mac", fmt::format("{}", path.mac)},
                      {"interface", path.interface},
                      {"serial", path.serial},
                      {"sectors", path.disk_sectors}});
  }
  return {{"device", fmt::format("{}", device.address)},
          {"size", device.size()},
          {"interfaces", interfaces_of(device)},
          {"payload", device.payload},
          {"state", device.state},
          {"read-only", device.read_only ? ordered_json(true) : ordered_json()},
          {"paths", facts_of(device.paths)},
          {"other-disks", others}};
}

std::string stat_line(const DeviceStatus& device) {
  const std::uint64_t megabytes = device.size() / 1'000'000;
  return fmt::format("{:>10} {:>15} {:>10} {:<5} {}{}", fmt::format("{}", device.address),
                     fmt::format("{:.3f}GB", static_cast<double>(megabytes) / 1000),
                     fmt::format("{}", fmt::join(interfaces_of(device), ",")), device.payload,
                     device.state, device.read_only ? " read-only" : "");
}

std::string system_text() {
  utsname system{};
  ::uname(&system);
  return fmt::format("{} {} {} {}", system.sysname, system.release, system.version, system.machine);
}

ordered_json facts_of(const InterfaceStatus& interface) {
  return {{"interface", interface.name},
          {"mac", fmt::format("{}", interface.mac)},
          {"mtu", interface.mtu},
          {"up", interface.up},
          {"received", interface.received},
          {"sent", interface.sent},
          {"receive-dropped", interface.receive_dropped},
          {"send-dropped", interface.send_dropped}};
}

}  // namespace aoe::initiator
