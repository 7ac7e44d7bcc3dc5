#include "initiator/cli/facts.h"

#include <sys/utsname.h>

#include <chrono>

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

ordered_json facts_of(const DeviceStatus& device) {
  ordered_json facts = {{"device", fmt::format("{}", device.address)},
                        {"state", device.state},
                        {"size", device.size()},
                        {"payload", device.payload},
                        {"firmware", device.firmware}};
  if (device.identity) {
    const Identity& identity = *device.identity;
    facts["identity"] = {{"model", identity.model.view()},
                         {"serial", identity.serial.view()},
                         {"firmware", identity.firmware.view()},
                         {"sectors", identity.sectors},
                         {"physical-sector-size", identity.physical_sector_size},
                         {"lba48", identity.lba48},
                         {"flush-cache", identity.flush_cache},
                         {"flush-cache-ext", identity.flush_cache_ext},
                         {"trim", identity.trim},
                         {"trimmed-reads-zero", identity.trimmed_reads_zero}};
  }
  facts["paths"] = facts_of(device.paths);
  facts["counters"] = {{"commands", device.counters.commands},
                       {"retransmissions", device.counters.retransmissions},
                       {"early-retransmissions", device.counters.early_retransmissions},
                       {"late-answers", device.counters.late_answers},
                       {"refused-answers", device.counters.refused_answers},
                       {"replaced", device.counters.replaced}};
  return facts;
}

std::string gigabytes(std::uint64_t bytes) {
  const std::uint64_t megabytes = bytes / 1'000'000;
  return fmt::format("{:.3f}GB", static_cast<double>(megabytes) / 1000);
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
