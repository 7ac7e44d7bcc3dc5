// What other targets get wrong, seen in vblade 25 and ggaoed 1.1: each is right here, and has a
// test that names it.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "target/service/service.h"
#include "target/store/memory_store.h"
#include "target/testing/test_words.h"
#include "wire/memory_port.h"

namespace aoe::target {
namespace {

using ata::Opcode;

constexpr std::size_t peer_disk_size = 1000 * sector_size;

/// Counts what reaches the disk's cache and the disk.
class CountingStore final : public Store {
 public:
  std::uint64_t size() const override { return peer_disk_size; }
  std::optional<std::error_code> try_now(const Operation& operation) override {
    flushes += operation.kind == Operation::Kind::flush;
    std::ranges::fill(operation.into, std::uint8_t{0});
    return std::error_code{};
  }

  int flushes = 0;
};

class PeersTest : public ::testing::Test {
 protected:
  PeersTest() {
    std::tie(port, client) = MemoryPort::pair({target_mac, 1500, true}, {client_mac, 1500, true});
    LunOptions options;
    options.address = own_address;
    options.sectors = peer_disk_size / sector_size;
    auto owned = std::make_unique<CountingStore>();
    store = owned.get();
    service.add(options, std::move(owned));
  }

  /// The reply's bytes; nothing where there is none.
  std::vector<std::uint8_t> reply_to(Bytes request) {
    const Outgoing outgoing{request, {}};
    client->send({&outgoing, 1});
    service.serve(*port);
    return heard();
  }
  std::vector<std::uint8_t> heard() {
    std::array<Bytes, 1> frames;
    if (client->receive(frames) == 0) return {};
    return {frames[0].begin(), frames[0].end()};
  }
  std::string ask(Bytes request) {
    const auto bytes = reply_to(request);
    return bytes.empty() ? "silence" : line(bytes);
  }
  std::string ask(const Body& body) { return ask(request_frame(body)); }

  std::unique_ptr<MemoryPort> port;
  std::unique_ptr<MemoryPort> client;
  Service service;
  CountingStore* store = nullptr;
};

TEST_F(PeersTest, VbladeBelievesADirectiveCountBeyondTheFrame) {
  const std::vector<Directive> directives{{1, client_mac}};
  std::vector<std::uint8_t> room(8);
  auto request = request_frame(MaskRequest{MaskCommand::edit, pack(directives, room)});
  request[27] = 200;
  EXPECT_EQ(ask(request), "error 2");
  EXPECT_EQ(ask(MaskRequest{}), "mask") << "and its list was not filled with old memory";
}

TEST_F(PeersTest, VbladeBelievesAStringLengthBeyondTheFrame) {
  auto request = request_frame(ConfigRequest{ConfigCommand::force_set, as_bytes("abc")});
  request[30] = 4;  // 1024 + 3
  EXPECT_EQ(ask(request), "error 2");
  request[30] = 1;
  EXPECT_EQ(ask(request), "error 2");
  EXPECT_EQ(ask(ConfigRequest{}), R"(config read "", 64 buffers, firmware 0, 2 sectors)");
}

TEST_F(PeersTest, VbladeTakesACountOf0ForSuccess) {
  EXPECT_EQ(ask(read_ext(0, 0)), "ata 41/04 left 0");
  EXPECT_EQ(ask(write_ext(0, {})), "ata 41/04 left 0");
}

TEST_F(PeersTest, VbladeAnswersAnyVersion) {
  auto request = request_frame(ConfigRequest{});
  for (const int version : {0, 2, 15}) {
    request[14] = static_cast<std::uint8_t>(version << 4);
    EXPECT_EQ(ask(request), "error 5");
  }
}

TEST_F(PeersTest, VbladeAnnouncesItselfWithVersion0) {
  service.announce(*port);
  EXPECT_EQ(heard().at(14), 0x18) << "version 1, response";
}

TEST_F(PeersTest, VbladeAnswersFlushWithStatus0AndGgaoedWithBsyAndNeitherSyncs) {
  EXPECT_EQ(ask(command(Opcode::flush_cache)), "ata 40/00 left 0");
  EXPECT_EQ(store->flushes, 1);
}

TEST_F(PeersTest, VbladeAbortsFlushCacheExt) {
  EXPECT_EQ(ask(command(Opcode::flush_cache_ext)), "ata 40/00 left 0");
  EXPECT_EQ(store->flushes, 1);
}

TEST_F(PeersTest, VbladeForgetsItsConfigString) {
  ask(ConfigRequest{ConfigCommand::set, as_bytes("kept")});
  const LunState left = service.luns().begin()->second->lun.state();
  service.remove(own_address, [](auto) {});
  LunOptions options;
  options.address = own_address;
  options.sectors = 1;
  service.add(options, std::make_unique<CountingStore>(), left);
  EXPECT_EQ(ask(ConfigRequest{}), R"(config read "kept", 64 buffers, firmware 0, 2 sectors)");
}

TEST_F(PeersTest, GgaoedLosesTheReplyToAMaskListThatExceedsTheMtu) {
  std::vector<Directive> directives{{1, client_mac}};
  for (const Mac mac : numbered_macs(184)) directives.push_back({1, mac});
  std::vector<std::uint8_t> room(8 * directives.size());
  const auto full = reply_to(request_frame(MaskRequest{MaskCommand::edit, pack(directives, room)}));
  EXPECT_EQ(full.size(), 1508U) << "185 entries are all that fit";
  const std::vector<Directive> one_more{{1, other_mac}};
  EXPECT_EQ(ask(MaskRequest{MaskCommand::edit, pack(one_more, room)}), "mask error 3 after 0");
}

TEST_F(PeersTest, GgaoedLeavesTheSectorCountUnchanged) {
  const auto reply = reply_to(request_frame(read_ext(0, 2)));
  EXPECT_EQ(reply.at(26), 0) << "nothing is left undone";
}

TEST_F(PeersTest, NeitherPadsItsShortReplies) {
  for (const Body& body : {Body(ConfigRequest{}), Body(MaskRequest{}), Body(ReserveRequest{}),
                           Body(command(Opcode::flush_cache)), Body(VendorRequest{})}) {
    EXPECT_EQ(reply_to(request_frame(body)).size(), frame_size_min);
  }
}

TEST_F(PeersTest, AoepingAsksWithAStringAndTrailingBytes) {
  auto request = request_frame(ConfigRequest{});
  request.resize(1056, 0xed);
  EXPECT_EQ(ask(request), R"(config read "", 64 buffers, firmware 0, 2 sectors)");
  request[30] = 4;  // 1,024 bytes of string, of which a read makes nothing
  EXPECT_EQ(ask(request), R"(config read "", 64 buffers, firmware 0, 2 sectors)");
}

}  // namespace
}  // namespace aoe::target
