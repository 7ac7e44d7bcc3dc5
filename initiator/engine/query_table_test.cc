#include "initiator/engine/query_table.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "initiator/engine/engine.h"
#include "initiator/testing/test_words.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

/// A query that the engine sent.
struct Asked {
  PortId port = 0;
  std::vector<std::uint8_t> bytes;
  Header header;
};

/// An engine that nothing but queries is asked of; the test is the network and the clock.
class QueryTableTest : public ::testing::Test {
 protected:
  QueryTableTest() {
    add_port(1500);
    actions.clear();
  }

  void add_port(std::uint16_t mtu) {
    Link link{.mac = port_mac, .mtu = mtu, .up = true};
    link.mac.octets[5] = static_cast<std::uint8_t>(port_mac.octets[5] + ports++);
    engine.add_port(link, now, actions);
    actions.clear();
  }

  void ask(const Query& query, Duration limit = 3s) {
    engine.ask({.id = ++last_id, .device = disk, .query = query, .limit = limit}, now, actions);
  }

  std::vector<Asked> take() {
    std::vector<Asked> all;
    for (const Transmit& frame : actions.frames) {
      Asked& asked = all.emplace_back();
      asked.port = frame.port;
      asked.bytes.assign(frame.head.begin(), frame.head.begin() + frame.head_size);
      asked.bytes.insert(asked.bytes.end(), frame.data.begin(), frame.data.end());
      const auto decoded = decode(asked.bytes);
      EXPECT_TRUE(decoded && decoded->body);
      asked.header = decoded->header;
    }
    actions.frames.clear();
    return all;
  }
  Asked take_one() {
    const auto all = take();
    EXPECT_EQ(all.size(), 1U);
    return all.at(0);
  }
  /// The request in a frame, which must outlive it.
  template <class Request>
  static Request request(const Asked& asked) {
    return std::get<Request>(*decode(asked.bytes)->body);
  }

  void answer(const Asked& asked, const Body& body, Address from = disk) {
    const Header header{asked.header.source, target_mac, from, asked.header.tag};
    engine.on_frame(asked.port, frame_of(header, body), now, actions);
  }
  void refuse(const Asked& asked, Command command, ErrorCode code) {
    answer(asked, ErrorReply{static_cast<std::uint8_t>(command), code});
  }

  void advance(Duration by) {
    now += by;
    engine.tick(now, actions);
  }

  /// "1 ok 'text'" for a config string, "1 ok 02:…" for lists.
  std::string results() {
    std::string all;
    for (const auto& [completion, answer] : actions.answers) {
      all += fmt::format("[{} {}", completion.id, describe(completion));
      if (!answer.string.empty()) all += " '" + answer.string + "'";
      for (const Mac& mac : answer.macs) all += fmt::format(" {}", mac);
      all += "]";
    }
    actions.answers.clear();
    return all;
  }

  static Bytes bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
  }

  int ports = 0;
  Engine engine{{.discovery_interval = 0s}, 1};
  Instant now = Instant(1h);
  Actions actions;
  std::uint64_t last_id = 0;
};

TEST_F(QueryTableTest, GoesToEveryoneOnEveryPortAndTheFirstAnswerCompletesIt) {
  add_port(9000);
  ask(ConfigQuery{});
  const auto asked = take();
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked[0].header.destination, Mac::broadcast());
  EXPECT_EQ(asked[0].header.address, disk);
  EXPECT_NE(asked[0].header.tag & TagTable::ours, 0U);
  EXPECT_NE(asked[0].header.source, asked[1].header.source);
  now += 7ms;
  answer(asked[1], ConfigReply{.buffer_count = 16, .string = bytes("hello")});
  EXPECT_EQ(actions.answers.at(0).answer.round_trip, 7ms);
  EXPECT_EQ(actions.answers.at(0).answer.buffers, 16);
  EXPECT_EQ(results(), "[1 ok 'hello']");
  answer(asked[0], ConfigReply{.buffer_count = 16, .string = bytes("hello")});
  EXPECT_EQ(results(), "");
}

TEST_F(QueryTableTest, IsRepeatedWithNewTagsUntilItsLimit) {
  ask(ConfigQuery{ConfigCommand::prefix, "x"}, 1s);
  std::vector<std::uint32_t> tags{take_one().header.tag};
  std::vector<Duration> at;
  const Instant begun = now;
  while (engine.deadline() != never) {
    advance(engine.deadline() - now);
    for (const Asked& asked : take()) {
      tags.push_back(asked.header.tag);
      at.push_back(now - begun);
    }
  }
  EXPECT_EQ(at, (std::vector<Duration>{100ms, 300ms, 700ms}));
  EXPECT_EQ(std::set(tags.begin(), tags.end()).size(), 4U);
  EXPECT_EQ(now - begun, 1s);
  EXPECT_EQ(results(), "[1 no answer]");
}

TEST_F(QueryTableTest, AnAnswerToAnOlderTransmissionIsAsGood) {
  ask(ReserveQuery{});
  const Asked first = take_one();
  advance(100ms);
  take_one();
  answer(first, ReserveReply{});
  EXPECT_EQ(results(), "[1 ok]");
  advance(10s);
  EXPECT_TRUE(take().empty());
  EXPECT_EQ(results(), "");
}

TEST_F(QueryTableTest, WhatIsNoAnswerToItDoesNotCompleteIt) {
  ask(MaskQuery{});
  const Asked asked = take_one();
  answer(asked, MaskReply{}, {7, 4});
  answer(asked, ReserveReply{});
  answer(asked, AtaReply{.status = ata::status_drdy});
  refuse(asked, Command::ata, ErrorCode::device_unavailable);
  EXPECT_EQ(results(), "");
  answer(asked, MaskReply{});
  EXPECT_EQ(results(), "[1 ok]");
}

TEST_F(QueryTableTest, SendsItsDirectivesAndGivesTheList) {
  const std::vector<Directive> directives{
      {static_cast<std::uint8_t>(DirectiveCommand::add), second_mac},
      {static_cast<std::uint8_t>(DirectiveCommand::remove), target_mac}};
  ask(MaskQuery{directives});
  const Asked asked = take_one();
  const auto sent = request<MaskRequest>(asked);
  EXPECT_EQ(sent.command, MaskCommand::edit);
  ASSERT_EQ(sent.directives.size(), 2U);
  EXPECT_EQ(sent.directives[1], directives[1]);
  std::array<std::uint8_t, 8> room;
  answer(asked, MaskReply{.list = pack(std::array{directives[0]}, room)});
  EXPECT_EQ(results(), "[1 ok 02:00:00:00:00:02]");

  ask(MaskQuery{directives});
  answer(take_one(), MaskReply{.error = MaskError::list_full, .directives_done = 1});
  EXPECT_EQ(actions.answers.at(0).answer.mask_error, MaskError::list_full);
  EXPECT_EQ(actions.answers.at(0).answer.directives_done, 1U);
}

TEST_F(QueryTableTest, AnErrorOfTheTargetFailsIt) {
  ask(ReserveQuery{ReserveCommand::force_set, {port_mac}});
  refuse(take_one(), Command::reserve, ErrorCode::bad_argument);
  EXPECT_EQ(results(), "[1 AoE error: bad argument parameter]");
}

TEST_F(QueryTableTest, AStringThatAnEarlierCopySetIsSet) {
  ask(ConfigQuery{ConfigCommand::set, "mine"});
  refuse(take_one(), Command::config, ErrorCode::config_string_present);
  EXPECT_EQ(results(), "");
  const Asked check = take_one();
  EXPECT_EQ(request<ConfigRequest>(check).command, ConfigCommand::read);
  answer(check, ConfigReply{.string = bytes("mine")});
  EXPECT_EQ(results(), "[1 ok 'mine']");
}

TEST_F(QueryTableTest, AStringThatIsAnothersStays) {
  ask(ConfigQuery{ConfigCommand::set, "mine"}, 1s);
  refuse(take_one(), Command::config, ErrorCode::config_string_present);
  answer(take_one(), ConfigReply{.string = bytes("another's")});
  EXPECT_EQ(results(), "[1 AoE error: config string present]");
  take();  // an answer is a discovery too

  ask(ConfigQuery{ConfigCommand::set, "mine"}, 1s);
  refuse(take_one(), Command::config, ErrorCode::config_string_present);
  advance(1s);  // what is not confirmed is believed
  EXPECT_EQ(results(), "[2 AoE error: config string present]");
}

TEST_F(QueryTableTest, AReservationIsComparedWhateverItsOrder) {
  ask(ReserveQuery{ReserveCommand::set, {second_mac, target_mac}});
  refuse(take_one(), Command::reserve, ErrorCode::target_reserved);
  std::array<std::uint8_t, 12> room;
  answer(take_one(), ReserveReply{.macs = pack(std::array{target_mac, second_mac}, room)});
  EXPECT_EQ(results(), "[1 ok 02:00:00:00:00:01 02:00:00:00:00:02]");
}

TEST_F(QueryTableTest, AProbeGoesOnceByItsPathInAFrameOfItsSize) {
  add_port(9000);
  engine.ask({.id = 1,
              .device = disk,
              .query = ReadQuery{2},
              .limit = 1s,
              .route = QueryRoute{1, target_mac},
              .frame_size = 9014},
             now, actions);
  const Asked asked = take_one();
  EXPECT_EQ(asked.port, 1);
  EXPECT_EQ(asked.bytes.size(), 9014U);
  EXPECT_EQ(asked.header.destination, target_mac);
  EXPECT_EQ(request<AtaRequest>(asked).sectors, 2);
  answer(asked, AtaReply{.status = ata::status_drdy, .data = disk_data(0, 1)});
  EXPECT_EQ(results(), "") << "half an answer is none";
  advance(1s);
  EXPECT_TRUE(take().empty());
  EXPECT_EQ(results(), "[1 no answer]");
}

TEST_F(QueryTableTest, AReadThatTheDiskFailsSaysHow) {
  ask(ReadQuery{});
  answer(take_one(), AtaReply{.error = 0x40, .status = 0x51});
  EXPECT_EQ(results(), "[1 ATA error: status 51, error 40]");
}

TEST_F(QueryTableTest, IdentifiesTheDiskAtOneAddress) {
  ask(IdentifyQuery{});
  const Asked asked = take_one();
  EXPECT_EQ(request<AtaRequest>(asked).opcode, ata::Opcode::identify_device);
  std::array<std::uint8_t, identify_size> block;
  build_identify(World::large_disk, block);
  answer(asked, AtaReply{.status = ata::status_drdy, .data = block});
  EXPECT_EQ(actions.answers.at(0).answer.identity->sectors, 1000U);
}

TEST_F(QueryTableTest, GivesTheRegistersAndTheDataOfAnAtaCommand) {
  const AtaQuery read{
      .opcode = ata::Opcode::smart, .feature = 0xd5, .sectors = 1, .lba = 0xc24f01, .reads = true};
  ask(read);
  const Asked asked = take_one();
  const auto sent = request<AtaRequest>(asked);
  EXPECT_EQ(fmt::format("{:02x} {:02x} {} {:06x} {}", static_cast<int>(sent.opcode), sent.feature,
                        sent.sectors, sent.lba, sent.flags.write),
            "b0 d5 1 c24f01 false");
  std::vector<std::uint8_t> data(512, 7);
  answer(asked, AtaReply{.status = ata::status_drdy, .data = Bytes(data).first(500)});
  EXPECT_TRUE(actions.answers.empty()) << "cut short";
  answer(asked, AtaReply{.status = ata::status_drdy, .lba = 0x2cf401, .data = data});
  EXPECT_EQ(actions.answers.at(0).answer.lba, 0x2cf401U);
  EXPECT_EQ(actions.answers.at(0).answer.data, data);
  actions.answers.clear();

  ask(AtaQuery{.opcode = ata::Opcode::smart, .feature = 0xd6, .sectors = 1, .data = data});
  const Asked written = take_one();
  EXPECT_TRUE(request<AtaRequest>(written).flags.write);
  EXPECT_TRUE(std::ranges::equal(request<AtaRequest>(written).data, data));
  answer(written, AtaReply{.error = ata::error_abrt, .status = ata::status_drdy | ata::status_err});
  EXPECT_EQ(results(), "[2 ATA error: status 41, error 04]");

  ask({AtaQuery{.lba = std::uint64_t{1} << 28}});
  ask({AtaQuery{.data = std::vector<std::uint8_t>(511)}});
  EXPECT_EQ(results(), "[3 not whole sectors][4 not whole sectors]");
}

TEST_F(QueryTableTest, WhatFitsNoFrameIsRefused) {
  ask(ConfigQuery{ConfigCommand::set, std::string(1025, 'x')});
  ask(MaskQuery{std::vector<Directive>(256)});
  ask(ReserveQuery{ReserveCommand::set, std::vector<Mac>(256)});
  ask(ReadQuery{0});
  EXPECT_TRUE(take().empty());
  EXPECT_EQ(results(),
            "[1 not whole sectors][2 not whole sectors][3 not whole sectors]"
            "[4 not whole sectors]");
}

TEST_F(QueryTableTest, CancelledBeforeItsFrameLeftItLeavesNothing) {
  ask(ConfigQuery{});
  engine.cancel_query(1, actions);
  EXPECT_TRUE(take().empty());
  EXPECT_EQ(results(), "[1 cancelled]");
  engine.cancel_query(1, actions);
  EXPECT_EQ(results(), "");
}

}  // namespace
}  // namespace aoe::initiator
