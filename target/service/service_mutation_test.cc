// A service under a hundred thousand requests with random damage: whatever arrives, nothing is
// written but what a good write says, and every reply is whole and leaks nothing.

#include <algorithm>
#include <cstdlib>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "proto/trim.h"
#include "target/service/service.h"
#include "target/store/memory_store.h"
#include "target/testing/test_words.h"
#include "wire/memory_port.h"

namespace aoe::target {
namespace {

constexpr int frames_per_life = 500;
constexpr int lives = 200;
constexpr std::uint64_t disk_sectors = 16;

/// Another with AOE_SEED=… in the environment.
std::uint32_t chosen_seed() {
  const char* const text = std::getenv("AOE_SEED");
  return text != nullptr ? static_cast<std::uint32_t>(std::strtoul(text, nullptr, 0)) : 1;
}

class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return random_() % limit; }

  std::vector<std::uint8_t> frame() {
    std::vector<std::uint8_t> bytes = good_request();
    for (std::size_t changes = below(4); changes > 0; --changes) damage(bytes);
    return bytes;
  }

 private:
  std::vector<std::uint8_t> good_request() {
    const Mac source = below(4) == 0 ? other_mac : client_mac;
    const auto sectors = 1 + below(2);
    const std::uint64_t lba = below(disk_sectors + 2);
    std::vector<std::uint8_t> data =
        pattern(sectors * sector_size, static_cast<std::uint8_t>(random_()));
    std::vector<std::uint8_t> room(2000);
    switch (below(9)) {
      case 0:
        return request_frame(ConfigRequest{ConfigCommand(below(5)), as_bytes("text")}, source);
      case 1: return request_frame(MaskRequest{}, source);
      case 2: {
        const std::vector<Directive> directives{{1, client_mac}, {2, other_mac}, {1, other_mac}};
        return request_frame(MaskRequest{MaskCommand::edit, pack(directives, room)}, source);
      }
      case 3: {
        const std::vector<Mac> macs{client_mac, other_mac};
        return request_frame(
            ReserveRequest{ReserveCommand(below(3)), pack(std::span(macs).first(below(3)), room)},
            source);
      }
      case 4: return request_frame(command(ata::Opcode(below(256)), 1), source);
      case 5: {
        AtaRequest trim = command(ata::Opcode::data_set_management, 1);
        trim.flags.write = true;
        trim.feature = ata::trim_feature;
        data.assign(sector_size, 0);
        data[0] = static_cast<std::uint8_t>(lba);
        data[6] = static_cast<std::uint8_t>(sectors);
        trim.data = data;
        return request_frame(trim, source);
      }
      case 6: return request_frame(read_ext(lba, static_cast<std::uint8_t>(sectors)), source);
      default: return request_frame(write_ext(lba, data), source);
    }
  }

  void damage(std::vector<std::uint8_t>& bytes) {
    // Damage is most telling in what is decoded: from the source address to the Arg.
    constexpr std::size_t fields_begin = 6;
    constexpr std::size_t fields_end = 40;
    switch (below(8)) {
      case 0: bytes.resize(below(bytes.size() + 1)); break;
      case 1: bytes.resize(bytes.size() + below(40), 0xdd); break;
      default: {
        const std::size_t at = fields_begin + below(fields_end - fields_begin);
        if (at < bytes.size()) bytes[at] ^= static_cast<std::uint8_t>(1 << below(8));
      }
    }
  }

  std::mt19937 random_;
};

/// The write that the rules allow a frame to be, by a reading of the rules of its own.
const AtaRequest* allowed_write(const tl::expected<Frame, Reject>& frame) {
  if (!frame || frame->response || !frame->body || !frame->header.address.covers(own_address)) {
    return nullptr;
  }
  const auto* ata = std::get_if<AtaRequest>(&*frame->body);
  if (ata == nullptr || !ata->flags.write || ata->sectors == 0 || ata->sectors > 2) return nullptr;
  const bool plain =
      ata->opcode == ata::Opcode::write_sectors || ata->opcode == ata::Opcode::write_dma;
  const bool ext =
      ata->opcode == ata::Opcode::write_sectors_ext || ata->opcode == ata::Opcode::write_dma_ext;
  if (!plain && !(ext && ata->flags.extended)) return nullptr;
  return ata->lba + ata->sectors <= disk_sectors ? ata : nullptr;
}

/// A service and its only client. Masks and reservations would shut all later requests out, so it
/// does not live long.
class Life {
 public:
  Life() {
    std::tie(port, client) = MemoryPort::pair({target_mac, 1500, true}, {client_mac, 1500, true});
    LunOptions options;
    options.address = own_address;
    options.sectors = disk_sectors;
    options.disk.can_trim = true;
    auto owned = std::make_unique<MemoryStore>(disk_sectors * sector_size);
    store = owned.get();
    service.add(options, std::move(owned));
  }

  struct Tally {
    LunCounters lun;
    EdgeCounters edge;
  };

  Tally live(Mutator& mutator) {
    for (int i = 0; i < frames_per_life && !::testing::Test::HasFatalFailure(); ++i) {
      serve(mutator.frame());
    }
    return {service.counters(), service.edge_counters()};
  }

 private:
  /// Serves one frame, and holds what came of it against the frame and the disk as it was.
  void serve(Bytes bytes) {
    const std::vector<std::uint8_t> before(store->bytes().begin(), store->bytes().end());
    const LunCounters counters_before = service.counters();
    const Outgoing outgoing{bytes, {}};
    client->send({&outgoing, 1});
    service.serve(*port);

    const auto request = decode(bytes);
    std::vector<std::uint8_t> expected = before;
    if (service.counters().writes != counters_before.writes) {
      const AtaRequest* const write = allowed_write(request);
      ASSERT_NE(write, nullptr) << "a write that no rule allows";
      std::ranges::copy(write->data,
                        expected.begin() + static_cast<std::ptrdiff_t>(write->lba * sector_size));
    }
    if (service.counters().trims != counters_before.trims) {
      const auto* trim = std::get_if<AtaRequest>(&*request->body);
      ASSERT_EQ(trim->opcode, ata::Opcode::data_set_management);
      const TrimList ranges(trim->data);
      for (std::size_t i = 0; i < ranges.size(); ++i) {
        const auto [lba, sectors] = ranges[i];
        ASSERT_LE(lba + sectors, disk_sectors);
        std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(lba * sector_size),
                    sectors * sector_size, std::uint8_t{0});
      }
    }
    ASSERT_TRUE(std::ranges::equal(store->bytes(), expected));

    std::array<Bytes, batch_size> frames;
    const std::size_t count = client->receive(frames);
    ASSERT_LE(count, 1U);
    if (count == 1) check(frames[0], *request);
  }

  void check(Bytes bytes, const Frame& request) {
    const auto reply = decode(bytes);
    ASSERT_TRUE(reply && reply->response && reply->body);
    ASSERT_FALSE(request.response);
    ASSERT_EQ(reply->header,
              (Header{request.header.source, target_mac, own_address, request.header.tag}));
    ASSERT_FALSE(reply->header.destination.is_multicast());
    ASSERT_EQ(reply->command, request.command);
    ASSERT_TRUE(holds_nothing_else(bytes));
    const auto* ata = std::get_if<AtaReply>(&*reply->body);
    const auto* asked = request.body ? std::get_if<AtaRequest>(&*request.body) : nullptr;
    if (ata != nullptr && asked != nullptr && ata::kind(asked->opcode) == ata::Kind::read &&
        ata->status == ata::status_drdy) {
      ASSERT_TRUE(std::ranges::equal(
          ata->data,
          Bytes(store->bytes()).subspan(asked->lba * sector_size, asked->sectors * sector_size)));
    }
  }

  Service service;
  MemoryStore* store;
  std::unique_ptr<MemoryPort> port;
  std::unique_ptr<MemoryPort> client;
};

TEST(Mutation, NothingIsWrittenOrToldThatNoRuleAllows) {
  const std::uint32_t seed = chosen_seed();
  SCOPED_TRACE(::testing::Message() << "again with AOE_SEED=" << seed);
  Mutator mutator(seed);
  LunCounters sum;
  std::uint64_t rejects = 0;
  for (int i = 0; i < lives && !::testing::Test::HasFailure(); ++i) {
    Life life;
    const auto [counters, edge] = life.live(mutator);
    sum.writes += counters.writes;
    sum.reads += counters.reads;
    sum.aoe_errors += counters.aoe_errors;
    sum.ata_errors += counters.ata_errors;
    sum.trims += counters.trims;
    for (const auto count : edge.rejects) rejects += count;
    for (const auto count : counters.silences) sum.silences[0] += count;
  }
  // It went everywhere, so it has looked everywhere.
  for (const std::uint64_t count :
       {sum.writes, sum.reads, sum.aoe_errors, sum.ata_errors, rejects, sum.silences[0]}) {
    EXPECT_GT(count, 1000U);
  }
  EXPECT_GT(sum.trims, 1000U);
}

}  // namespace
}  // namespace aoe::target
