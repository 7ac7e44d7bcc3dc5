#include "harness/world/guise.h"

#include <numeric>

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"
#include "proto/identify.h"

namespace aoe::harness {
namespace {

constexpr std::uint32_t tag = 7;

TargetRole role(const std::string& keys) {
  const auto scenario = parse_scenario("scenario: s\ntitle: t\nroles: {target: {size: 1MiB, " +
                                           keys + "}}\nsteps:\n- discover: {}\n",
                                       "s.yaml");
  EXPECT_TRUE(scenario) << scenario.error();
  return scenario->target();
}

FrameBytes config_frame(Mac destination = Mac::broadcast(), std::uint32_t its_tag = 0) {
  return frame_of({destination, server_mac, disk, its_tag},
                  ConfigReply{.buffer_count = 16, .firmware = 3, .sector_count = 2});
}

/// What a client receives of what the target answers, after it has asked.
Frame heard(Guise& guise, const FrameBytes& question, const FrameBytes& answer) {
  guise.arrived(question);
  static Guise::Frames frames;
  frames = guise.sent(answer);
  EXPECT_EQ(frames.size(), 1U);
  return *decode(frames.front());
}

/// A disk that says much of itself.
Identity disk_of(std::uint64_t sectors) {
  Identity identity;
  identity.sectors = sectors;
  identity.lba48 = identity.flush_cache = identity.flush_cache_ext = identity.trim = true;
  identity.trim_blocks_max = 1;
  return identity;
}

Identity identity_of(const std::string& keys) {
  const Identity real = disk_of(2048);
  Guise guise(role(keys));
  std::array<std::uint8_t, identify_size> block;
  build_identify(real, block);
  const Frame frame =
      heard(guise, request_frame({.sectors = 1, .opcode = ata::Opcode::identify_device}, tag),
            frame_of({client_mac, server_mac, disk, tag},
                     AtaReply{.status = ata::status_drdy, .data = block}));
  const auto parsed = parse_identify(std::get<AtaReply>(*frame.body).data);
  return parsed.value_or(Identity{});
}

AtaRequest asked_of_target(Guise& guise, const AtaRequest& request) {
  static FrameBytes frame;
  frame = guise.arrived(request_frame(request, tag));
  return std::get<AtaRequest>(*decode(frame)->body);
}

TEST(Guise, OnlyWhoIsSaidToLookOtherwiseWantsOne) {
  const auto wanted = [](const std::string& roles, const std::string& step) {
    return Guise::is_wanted(*parse_scenario("scenario: s\ntitle: t\nroles: {target: {" + roles +
                                                "}}\nsteps:\n- " + step + "\n",
                                            "s.yaml"),
                            target_node);
  };
  EXPECT_FALSE(wanted("", "discover: {}"));
  EXPECT_TRUE(wanted("paths: 2", "discover: {}"));
  EXPECT_TRUE(wanted("base: 1", "discover: {}"));
  EXPECT_TRUE(wanted("says: {sectors: 0}", "discover: {}"));
  EXPECT_TRUE(wanted("", "says: {announce: true}"));
}

TEST(Guise, CountsAreAsItSaysAndTheRestAsItIs) {
  Guise guise(role("says: {buffers: 0, sectors: 255}"));
  const Frame frame = *decode(guise.sent(config_frame()).front());
  const auto reply = std::get<ConfigReply>(*frame.body);
  EXPECT_EQ(reply.buffer_count, 0U);
  EXPECT_EQ(reply.sector_count, 255U);
  EXPECT_EQ(reply.firmware, 3U);
  EXPECT_EQ(frame.header.source, server_mac);
}

TEST(Guise, WhatIsSaidLaterHoldsFromThenOnAndCanBeAnnounced) {
  Guise guise(role("says: {buffers: 5}"));
  EXPECT_TRUE(guise.announce().empty());  // nobody knows yet what it is
  guise.sent(config_frame(client_mac, tag));
  Says later;
  later.sectors = 1;
  guise.change(later);
  const auto announced = guise.announce();
  ASSERT_EQ(announced.size(), 1U);
  const Frame frame = *decode(announced.front());
  EXPECT_EQ(frame.header.destination, Mac::broadcast());
  EXPECT_EQ(frame.header.source, server_mac);
  EXPECT_EQ(frame.header.tag, 0U);
  const auto reply = std::get<ConfigReply>(*frame.body);
  EXPECT_EQ(reply.buffer_count, 5U);
  EXPECT_EQ(reply.sector_count, 1U);
}

TEST(Guise, ADiskHasTheSizeThatItSaysAndNothingBeyond) {
  EXPECT_EQ(identity_of("says: {size: 512KiB}").sectors, 1024U);
  Guise guise(role("says: {size: 512KiB}"));
  EXPECT_EQ(asked_of_target(guise, read_command(1022)).lba, 1022U);
  EXPECT_EQ(asked_of_target(guise, read_command(1023)).lba, (std::uint64_t{1} << 48) - 1);
}

TEST(Guise, WithoutLba48ItHas28BitsAndKnowsNoCommandOfMore) {
  const Identity identity = identity_of("says: {lba48: false}");
  EXPECT_EQ(identity.sectors, 2048U);
  EXPECT_FALSE(identity.lba48);
  EXPECT_TRUE(identity.flush_cache);
  EXPECT_FALSE(identity.flush_cache_ext);
  EXPECT_FALSE(identity.trim);
  EXPECT_FALSE(identity.checksum_wrong);
  Guise guise(role("says: {lba48: false}"));
  EXPECT_EQ(asked_of_target(guise, read_command(4)).opcode, ata::Opcode{0xff});
  const AtaRequest old{.sectors = 2, .opcode = ata::Opcode::read_sectors, .lba = 4};
  EXPECT_EQ(asked_of_target(guise, old).opcode, ata::Opcode::read_sectors);
}

TEST(Guise, WordsAndChecksumAreAsItSays) {
  EXPECT_TRUE(identity_of("says: {identify: {checksum: wrong}}").checksum_wrong);
  EXPECT_FALSE(identity_of("says: {identify: {checksum: none}}").checksum_wrong);
  const Identity renamed =
      identity_of("says: {identify: {words: {27: 0x4142, 60: 9, 83: 0x4000}}}");
  EXPECT_EQ(renamed.model.view().substr(0, 2), "AB");
  EXPECT_EQ(renamed.sectors, 9U);
  EXPECT_FALSE(renamed.checksum_wrong);  // it is right for what is said
}

TEST(Guise, WithABaseItsSectorsLieThere) {
  EXPECT_EQ(identity_of("base: 0x0ffffff0").sectors, 0x0ffffff0U + 2048);
  Guise guise(role("base: 1000"));
  const auto question = request_frame(read_command(1004), tag);
  EXPECT_EQ(std::get<AtaRequest>(*decode(guise.arrived(question))->body).lba, 4U);
  const auto answered = guise.sent(reply_frame(tag, 4));
  EXPECT_EQ(std::get<AtaReply>(*decode(answered.front())->body).lba, 1004U);
  EXPECT_EQ(asked_of_target(guise, read_command(999)).lba, (std::uint64_t{1} << 48) - 1);
  // Upper four bits of the low nibble of lba3, whatever the upper nibble says.
  Guise high(role("base: 0x08000000"));
  const AtaRequest old{.sectors = 2, .opcode = ata::Opcode::read_sectors, .lba = 0x0800'0002};
  EXPECT_EQ(asked_of_target(high, old).lba, 2U);
}

TEST(Guise, AtTwoAddressesEachAnswersWhatItWasAsked) {
  Guise guise(role("paths: 2"));
  // A client that asks everyone receives both.
  guise.arrived(query_frame());
  auto answers = guise.sent(config_frame(client_mac, decode(query_frame())->header.tag));
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(decode(answers[0])->header.source, server_mac);
  EXPECT_EQ(decode(answers[1])->header.source, Guise::second_mac);
  // An announcement comes from both, too.
  EXPECT_EQ(guise.sent(config_frame()).size(), 2U);
  EXPECT_EQ(guise.announce().size(), 2U);
  // A request of the second address reaches the target, and is answered from there.
  const auto arrived = guise.arrived(request_frame(read_command(4), tag, Guise::second_mac));
  EXPECT_EQ(decode(arrived)->header.destination, server_mac);
  answers = guise.sent(reply_frame(tag, 4));
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(decode(answers[0])->header.source, Guise::second_mac);
  guise.arrived(request_frame(read_command(6), tag + 1));
  EXPECT_EQ(decode(guise.sent(reply_frame(tag + 1, 6)).front())->header.source, server_mac);
}

TEST(Guise, WhatIsNoAoeOrTooShortPassesAsItIs) {
  Guise guise(role("paths: 2, base: 4, says: {buffers: 1, sectors: 1, lba48: false}"));
  FrameBytes frame = request_frame(read_command(4), tag);
  for (std::size_t size = 0; size < 24; ++size) {
    const FrameBytes cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(guise.arrived(cut), cut);
    EXPECT_EQ(guise.sent(cut), Guise::Frames{cut});
  }
  for (const FrameBytes& answer : {config_frame(client_mac, tag), reply_frame(tag)}) {
    for (std::size_t size = 24; size < answer.size(); ++size) {
      const FrameBytes cut(answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(guise.sent(cut).front().size(), size);
    }
  }
  frame[12] = 8;  // IP
  EXPECT_EQ(guise.arrived(frame), frame);
}

}  // namespace
}  // namespace aoe::harness
