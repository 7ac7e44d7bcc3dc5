#include "harness/language/selector.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/yaml_map.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

Selector parse(const std::string& yaml) {
  YamlMap map(YAML::Load(yaml), "x.yaml", "arm");
  Selector selector = Selector::parse(map, Network::of_two());
  map.finish();
  return selector;
}

std::string complaint(const std::string& yaml) {
  try {
    parse(yaml);
  } catch (const YamlError& error) {
    return error.what();
  }
  return "none";
}

struct Passer {
  Direction direction = Direction::to_target;
  Subject subject{Traffic::read, {1, 1}, 8, 2};
  std::optional<std::uint32_t> tag = 0x1f;
  FrameBytes bytes = request_frame(read_command(8), 0x1f);
};

bool matches(const std::string& match, const Passer& passer) {
  return parse("match: " + match)
      .match.matches({.direction = passer.direction}, passer.subject, passer.tag, passer.bytes);
}

TEST(Match, OfNothingMatchesEverything) {
  EXPECT_TRUE(matches("{}", {}));
  EXPECT_TRUE(matches("{}", {.subject = {}, .tag = std::nullopt}));
}

TEST(Match, EachKeyNarrowsItDown) {
  EXPECT_TRUE(matches("{direction: to-target}", {}));
  EXPECT_FALSE(matches("{direction: to-initiator}", {}));
  EXPECT_TRUE(matches("{command: read}", {}));
  EXPECT_FALSE(matches("{command: write}", {}));
  EXPECT_TRUE(matches("{lba: 8}", {}));
  EXPECT_FALSE(matches("{lba: 9}", {}));
  EXPECT_TRUE(matches("{count: 2}", {}));
  EXPECT_FALSE(matches("{count: 1}", {}));
  EXPECT_TRUE(matches("{tag: 0x1f}", {}));
  EXPECT_TRUE(matches("{tag: 31}", {}));
  EXPECT_FALSE(matches("{tag: 0x1e}", {}));
  EXPECT_FALSE(matches("{tag: 0}", {.tag = std::nullopt}));
  EXPECT_TRUE(matches("{direction: to-target, command: read, lba: 8, count: 2, tag: 31}", {}));
  EXPECT_FALSE(matches("{direction: to-target, command: read, lba: 8, count: 3, tag: 31}", {}));
}

TEST(Match, AnAddressIsTheTargetsWhicheverWayAFrameGoes) {
  EXPECT_TRUE(matches("{mac: '02:00:00:00:00:02'}", {}));
  EXPECT_FALSE(matches("{mac: '02:00:00:00:00:01'}", {}));
  const Passer answer{.direction = Direction::to_initiator, .bytes = reply_frame(0x1f)};
  EXPECT_TRUE(matches("{mac: '02:00:00:00:00:02'}", answer));
  EXPECT_FALSE(matches("{mac: '02:00:00:00:00:01'}", answer));
  EXPECT_FALSE(matches("{mac: '02:00:00:00:00:02'}", {.bytes = FrameBytes(5)}));
}

TEST(Match, TheSizeIsThatOfTheFrameItself) {
  const std::size_t size = request_frame(read_command(8), 0x1f).size();
  EXPECT_TRUE(matches(fmt::format("{{size: {}}}", size), {}));
  EXPECT_TRUE(matches(fmt::format("{{size: [60, {}]}}", size), {}));
  EXPECT_FALSE(matches(fmt::format("{{size: [{}, 9018]}}", size + 1), {}));
}

TEST(Match, ARangeOfSectorsIsWhereTheRequestBegins) {
  EXPECT_FALSE(matches("{lba: [9, 20]}", {}));
  EXPECT_TRUE(matches("{lba: [8, 8]}", {}));
  EXPECT_TRUE(matches("{lba: [0, 8]}", {}));
  EXPECT_FALSE(matches("{lba: [0, 7]}", {}));
}

TEST(Match, SectorsAreOfAtaCommandsOnly) {
  EXPECT_FALSE(matches("{lba: 0}", {.subject = {Traffic::config, {1, 1}}}));
  EXPECT_FALSE(matches("{count: 0}", {.subject = {}}));
  EXPECT_TRUE(matches("{lba: 0}", {.subject = {Traffic::flush, {1, 1}}}));
}

TEST(Match, AtaIsEveryKindOfAtaCommandAndNothingElse) {
  for (const Traffic traffic :
       {Traffic::ata, Traffic::read, Traffic::write, Traffic::flush, Traffic::identify}) {
    EXPECT_TRUE(matches("{command: ata}", {.subject = {traffic}})) << text(traffic);
  }
  for (const Traffic traffic : {Traffic::other, Traffic::config, Traffic::mask, Traffic::reserve}) {
    EXPECT_FALSE(matches("{command: ata}", {.subject = {traffic}})) << text(traffic);
  }
}

TEST(Match, EachCommandIsItsOwnOnly) {
  for (int asked = 1; asked <= static_cast<int>(Traffic::reserve); ++asked) {
    const auto name = std::string(text(static_cast<Traffic>(asked)));
    if (name == "ata") continue;
    for (int seen = 0; seen <= static_cast<int>(Traffic::reserve); ++seen) {
      EXPECT_EQ(matches("{command: " + name + "}", {.subject = {static_cast<Traffic>(seen)}}),
                asked == seen)
          << name;
    }
  }
}

TEST(Selector, ItsKeysAreRead) {
  const Selector selector = parse("{match: {lba: [2, 9]}, every: 3, during: [10ms, 1s]}");
  EXPECT_EQ(selector.match.lba, (Range{2, 9}));
  EXPECT_EQ(selector.every, 3U);
  EXPECT_EQ(selector.during->from, std::chrono::milliseconds(10));
  EXPECT_EQ(selector.during->until, std::chrono::seconds(1));
  EXPECT_EQ(parse("{during: read-1}").during->io, "read-1");
}

TEST(Selector, MistakesAreNamed) {
  EXPECT_EQ(complaint("{nth: 1, every: 2}"),
            "x.yaml:1:1: arm: at most one of nth, every and probability");
  EXPECT_EQ(complaint("{nth: 0}"), "x.yaml:1:7: arm: nth: expected a whole number, 1 or more");
  EXPECT_EQ(
      complaint("{match: {lba: [9, 2]}}"),
      "x.yaml:1:15: match: lba: expected a number, or the first and the last of them: [2, 9]");
  EXPECT_EQ(
      complaint("{match: {lba: [1, 2, 3]}}"),
      "x.yaml:1:15: match: lba: expected a number, or the first and the last of them: [2, 9]");
  EXPECT_EQ(complaint("{match: {tag: 0x100000000}}"),
            "x.yaml:1:15: match: tag: expected a number up to 0xffffffff, such as 31 or 0x1f");
  EXPECT_EQ(complaint("{match: {count: 256}}"),
            "x.yaml:1:17: match: count: expected a whole number of sectors from 0 to 255");
  EXPECT_EQ(complaint("{match: {comand: read}}"),
            "x.yaml:1:10: match: unknown key 'comand'; did you mean 'command'?");
  EXPECT_EQ(complaint("{match: {command: raed}}"),
            "x.yaml:1:19: match: command: expected one of ata, read, write, flush, identify, "
            "config, mask, reserve, got 'raed'; did you mean 'read'?");
  EXPECT_EQ(complaint("{during: [1s, 1s]}"),
            "x.yaml:1:10: arm: during: expected two times such as [0s, 50ms], or the id of an io");
  EXPECT_EQ(complaint("{during: [1s]}"),
            "x.yaml:1:10: arm: during: expected two times such as [0s, 50ms], or the id of an io");
}

}  // namespace
}  // namespace aoe::harness
