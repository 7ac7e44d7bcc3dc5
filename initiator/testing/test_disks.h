// A fixture for tests of who a device is: an engine, and a disk of its own at each MAC address.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "initiator/testing/test_words.h"

namespace aoe::initiator {

/// large_disk with another serial number and size.
Identity with_serial(std::string_view serial, std::uint64_t sectors = 1000);

class DisksByMac : public ::testing::Test {
 protected:
  /// Its identity, and the last byte of each of its sectors; the others are 0.
  struct Disk {
    Identity identity = World::large_disk;
    std::map<std::uint64_t, std::uint8_t> content;
  };

  /// The disk at target_mac comes up, with deadsecs of 30 s, on so many ports.
  void up(std::string_view serial = "S1", int ports = 1);
  void open() { ASSERT_TRUE(world.engine.open(disk)); }
  /// Another disk, or the same again, answers a discovery at second_mac.
  void second(const Identity& identity);

  /// Answers what was sent, each as the disk of its MAC; one without a disk is silent. Goes on until
  /// nothing more is sent.
  void answer_all();
  void answer(const Sent& command);
  /// Answers all along.
  void pass(Duration time);

  /// "1 member, 2 foreign", by the last byte of the MAC.
  std::string standings();
  const RemoteTarget& remote(const Mac& mac = target_mac);
  /// A config answer that says that another initiator had asked for it.
  void forge(ConfigReply offer, Mac from);

  World world{with_deadsecs(30)};
  std::map<Mac, Disk> disks;
  std::optional<PortId> silent_port;  // no answer comes by it
  std::map<Mac, int> commands_to;
  std::map<Mac, int> writes_to;
  std::map<Mac, int> flushes_to;
};

}  // namespace aoe::initiator
