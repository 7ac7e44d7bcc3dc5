#include "target/service/client_table.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "wire/memory_port.h"

namespace aoe::target {
namespace {

using namespace std::chrono_literals;

constexpr Address disk{0, 2};

Mac client(std::uint32_t number) {
  Mac mac{{2, 0}};
  for (std::size_t i = 2; i < 6; ++i) {
    mac.octets[i] = static_cast<std::uint8_t>(number >> 8 * (5 - i));
  }
  return mac;
}

class ClientTableTest : public ::testing::Test {
 protected:
  void ask(Mac mac, Address lun = disk) { table.request(mac, lun, port, now); }
  std::uint64_t requests_of(Mac mac, Address lun = disk) const {
    for (const Client& each : table.clients()) {
      if (each.mac == mac && each.lun == lun) return each.requests;
    }
    return 0;
  }

  std::unique_ptr<MemoryPort> far = MemoryPort::pair(Link{}, Link{}).first;
  FramePort& port = *far;
  ClientTable table;
  Instant now{1h};
};

TEST_F(ClientTableTest, CountsByClientAndLun) {
  for (int i = 0; i < 3; ++i) {
    ask(client(1));
    ask(client(2));
    ask(client(1), {0, 3});
  }
  ask(client(2));
  table.counters(client(1), disk).bytes_read += 512;
  table.counters(client(2), disk).errors += 1;
  EXPECT_EQ(table.clients().size(), 3U);
  EXPECT_EQ(requests_of(client(1)), 3U);
  EXPECT_EQ(requests_of(client(2)), 4U);
  EXPECT_EQ(requests_of(client(1), {0, 3}), 3U);
  for (const Client& each : table.clients()) {
    EXPECT_EQ(each.last_seen, now);
    EXPECT_EQ(each.port, &port);
    const bool is_reader = each.mac == client(1) && each.lun == disk;
    EXPECT_EQ(each.bytes_read, is_reader ? 512U : 0U);
    EXPECT_EQ(each.errors, each.mac == client(2) ? 1U : 0U);
  }
  EXPECT_EQ(table.others(), ClientCounters{});
}

TEST_F(ClientTableTest, AFloodOfAddressesTakesNoMoreRoomAndNoPlaceOfWhoAsks) {
  for (int i = 0; i < 1000; ++i) ask(client(1));
  constexpr std::uint32_t flood = 1'000'000;
  for (std::uint32_t i = 2; i < flood; ++i) {
    if (i % 1000 == 0) now += 50ms;  // 50 seconds in all
    if (i % 100'000 == 0) ask(client(1));
    ask(client(i));
  }
  EXPECT_LE(table.clients().size(), ClientTable::size_max);
  EXPECT_GE(requests_of(client(1)), 1000U);
  std::uint64_t all = table.others().requests;
  EXPECT_GT(all, flood / 2) << "most of them are counted together";
  // Who was silent for long keeps its place against those that asked once.
  now += 1h;
  for (std::uint32_t i = 0; i < ClientTable::size_max / 2; ++i) ask(client(flood + i));
  EXPECT_GE(requests_of(client(1)), 1000U);
}

TEST_F(ClientTableTest, WhatHasNoPlaceIsCountedAmongTheOthers) {
  for (std::uint32_t i = 0; i < 2 * ClientTable::size_max; ++i) ask(client(i));
  const auto clients = table.clients();
  EXPECT_EQ(clients.size() + table.others().requests, 2 * ClientTable::size_max);
  std::uint32_t stranger = 0;
  while (requests_of(client(stranger)) > 0) ++stranger;
  table.counters(client(stranger), disk).errors += 7;
  EXPECT_EQ(table.others().errors, 7U);
}

TEST_F(ClientTableTest, PortsAndLunsAreForgotten) {
  ask(client(1));
  ask(client(1), {0, 3});
  table.forget(port);
  for (const Client& each : table.clients()) EXPECT_EQ(each.port, nullptr);
  table.forget(disk);
  EXPECT_EQ(table.clients().size(), 1U);
  ask(client(1));
  EXPECT_EQ(requests_of(client(1)), 1U);
  table.clear();
  EXPECT_TRUE(table.clients().empty());
  EXPECT_EQ(table.others(), ClientCounters{});
}

}  // namespace
}  // namespace aoe::target
