#include "initiator/testing/test_disks.h"

#include <algorithm>

#include <fmt/format.h>

namespace aoe::initiator {

Identity with_serial(std::string_view serial, std::uint64_t sectors) {
  Identity identity = World::large_disk;
  identity.serial = serial;
  identity.sectors = sectors;
  return identity;
}

void DisksByMac::up(std::string_view serial, int ports) {
  disks[target_mac].identity = with_serial(serial);
  world.add_ports(ports);
  for (int port = 0; port < ports; ++port) {
    world.config(World::default_offer, target_mac, static_cast<PortId>(port));
    answer_all();
  }
  ASSERT_EQ(world.state(), DeviceState::up);
  world.events();
}

void DisksByMac::second(const Identity& identity) {
  disks[second_mac].identity = identity;
  world.config(World::default_offer, second_mac);
}

void DisksByMac::answer_all() {
  for (auto commands = world.take(); !commands.empty(); commands = world.take()) {
    for (const Sent& command : commands) answer(command);
  }
}

void DisksByMac::answer(const Sent& command) {
  const Mac mac = command.header.destination;
  ++commands_to[mac];
  if (ata::kind(command.opcode) == ata::Kind::write) ++writes_to[mac];
  if (text({command}).starts_with("FLUSH")) ++flushes_to[mac];
  const auto found = disks.find(mac);
  if (found == disks.end() || command.port == silent_port) return;
  Disk& its = found->second;
  if (command.opcode == ata::Opcode::identify_device) {
    return world.answer_identify(command, its.identity);
  }
  AtaReply reply{.flags = command.flags, .status = ata::status_drdy, .lba = command.lba};
  std::vector<std::uint8_t> data;
  if (ata::kind(command.opcode) == ata::Kind::read) {
    for (unsigned i = 0; i < command.sectors; ++i) {
      data.resize(data.size() + sector_size, 0);
      data.back() = its.content[command.lba + i];
    }
    reply.data = data;
  }
  if (ata::kind(command.opcode) == ata::Kind::write) {
    for (unsigned i = 0; i < command.sectors; ++i) its.content[command.lba + i] = 0xee;
  }
  world.answer(command, reply);
}

void DisksByMac::pass(Duration time) {
  const Instant end = world.now + time;
  while (true) {
    answer_all();
    if (world.engine.deadline() > end) break;
    world.advance_to(world.engine.deadline());
  }
  world.now = end;
}

std::string DisksByMac::standings() {
  std::string list;
  for (const RemoteTarget& remote : world.device().remotes()) {
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", remote.mac.octets[5],
                        text(remote.standing));
  }
  return list;
}

const RemoteTarget& DisksByMac::remote(const Mac& mac) {
  const auto found = std::ranges::find(world.device().remotes(), mac, &RemoteTarget::mac);
  EXPECT_NE(found, world.device().remotes().end());
  return *found;
}

void DisksByMac::forge(ConfigReply offer, Mac from) {
  world.hear(frame_of({port_mac, from, disk, World::asked_by_another}, offer));
}

}  // namespace aoe::initiator
