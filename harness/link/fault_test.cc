#include "harness/link/fault.h"

#include <bit>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/yaml_map.h"
#include "harness/testing/test_words.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

FaultSpec spec_of_fault(const std::string& yaml) {
  YamlMap map(YAML::Load(yaml), "x.yaml", "arm");
  return FaultSpec::parse(map, Network::of_two());
}

Way way(Direction direction) {
  const bool to_target = direction == Direction::to_target;
  return {.direction = direction,
          .from = to_target ? initiator_node : target_node,
          .to = to_target ? target_node : initiator_node};
}

struct Passer {
  Direction direction = Direction::to_target;
  Traffic traffic = Traffic::read;
};

/// Which of these frames, counted from 1, a fault strikes: "2 4".
std::string struck(const std::string& yaml, const std::vector<Passer>& frames,
                   std::uint64_t seed = 1) {
  Fault fault(spec_of_fault(yaml));
  Random random(seed);
  std::string list;
  std::uint64_t hits = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    Passing passing{.way = way(frames[i].direction),
                    .subject = {frames[i].traffic},
                    .now = Instant(std::chrono::milliseconds(i))};
    if (!fault.meet(passing, random)) continue;
    list += (list.empty() ? "" : " ") + std::to_string(i + 1);
    ++hits;
  }
  EXPECT_EQ(fault.hits(), hits);
  return list;
}

/// What becomes of one frame.
Passing meet(const std::string& yaml) {
  static const std::vector<std::uint8_t> frame(60);
  Fault fault(spec_of_fault(yaml));
  Random random(1);
  Passing passing{.subject = {Traffic::read}, .bytes = frame};
  fault.meet(passing, random);
  return passing;
}

const std::vector<Passer> six(6);

TEST(Fault, WithoutASelectorItStrikesEverything) {
  for (const char* kind : {"drop", "duplicate", "reorder", "partition"}) {
    EXPECT_EQ(struck(std::string("{id: f, fault: ") + kind + "}", six), "1 2 3 4 5 6") << kind;
  }
}

TEST(Fault, NthStrikesOnce) {
  EXPECT_EQ(struck("{id: f, fault: drop, nth: 1}", six), "1");
  EXPECT_EQ(struck("{id: f, fault: drop, nth: 3}", six), "3");
  EXPECT_EQ(struck("{id: f, fault: drop, nth: 7}", six), "");
}

TEST(Fault, EveryStrikesAgainAndAgain) {
  EXPECT_EQ(struck("{id: f, fault: duplicate, every: 2}", six), "2 4 6");
  EXPECT_EQ(struck("{id: f, fault: duplicate, every: 1}", six), "1 2 3 4 5 6");
}

TEST(Fault, ProbabilityZeroNeverStrikesAndOneAlways) {
  EXPECT_EQ(struck("{id: f, fault: reorder, probability: 0}", six), "");
  EXPECT_EQ(struck("{id: f, fault: reorder, probability: 1}", six), "1 2 3 4 5 6");
}

TEST(Fault, ProbabilityIsDrawnFromTheSeed) {
  const std::vector<Passer> many(10'000);
  const std::string yaml = "{id: f, fault: drop, probability: 0.1}";
  const std::string first = struck(yaml, many, 1);
  EXPECT_EQ(struck(yaml, many, 1), first);
  EXPECT_NE(struck(yaml, many, 2), first);
  const auto hits = std::count(first.begin(), first.end(), ' ') + 1;
  EXPECT_NEAR(static_cast<double>(hits), 1000, 100);  // over three deviations, and of one seed
}

TEST(Fault, OnlyWhatMatchesIsCounted) {
  const std::vector<Passer> frames{{.traffic = Traffic::write},
                                   {.traffic = Traffic::read},
                                   {.traffic = Traffic::write},
                                   {.traffic = Traffic::read}};
  EXPECT_EQ(struck("{id: f, fault: drop, match: {command: read}, nth: 2}", frames), "4");
  EXPECT_EQ(struck("{id: f, fault: drop, match: {command: write}, every: 2}", frames), "3");
}

TEST(Fault, ATimeIsCountedFromWhenItWasArmedAndItsEndIsOutside) {
  const std::vector<Passer> frames(4);  // at 0, 1, 2, 3 ms
  EXPECT_EQ(struck("{id: f, fault: drop, during: [0s, 1ms]}", frames), "1");
  EXPECT_EQ(struck("{id: f, fault: drop, during: [1ms, 3ms]}", frames), "2 3");
  EXPECT_EQ(struck("{id: f, fault: drop, during: [1ms, 1s], nth: 2}", frames), "3")
      << "those before are not counted";
}

TEST(Fault, AnIoMustBeAtWork) {
  Fault fault(spec_of_fault("{id: f, fault: drop, during: r}"));
  const auto strikes = [&] {
    Random random(1);
    Passing passing;
    return fault.meet(passing, random);
  };
  fault.arm({}, {"q"});
  EXPECT_FALSE(strikes());
  fault.io_began("r");
  fault.io_ended("q");
  EXPECT_TRUE(strikes());
  fault.io_ended("r");
  EXPECT_FALSE(strikes());
  fault.arm({}, {"q", "r"});
  EXPECT_TRUE(strikes()) << "it was at work before";
}

TEST(Fault, EachDoesItsOwnDeed) {
  const Passing dropped = meet("{id: f, fault: drop}");
  EXPECT_TRUE(dropped.dropped);
  const Passing cut = meet("{id: f, fault: partition}");
  EXPECT_TRUE(cut.dropped);
  const Passing doubled = meet("{id: f, fault: duplicate}");
  EXPECT_FALSE(doubled.dropped);
  EXPECT_EQ(doubled.copies, 2U);
  EXPECT_EQ(doubled.delay, Duration{});
  const Passing late = meet("{id: f, fault: reorder}");
  EXPECT_EQ(late.copies, 1U);
  EXPECT_EQ(late.delay, std::chrono::milliseconds(1));
  EXPECT_EQ(meet("{id: f, fault: reorder, by: 5ms}").delay, std::chrono::milliseconds(5));
}

TEST(Fault, CopiesMayBeManyAndSpread) {
  const Passing copied = meet("{id: f, fault: duplicate, copies: 3, spread: 2ms}");
  EXPECT_EQ(copied.copies, 4U);
  EXPECT_EQ(copied.spread, std::chrono::milliseconds(2));
  EXPECT_EQ(copied.delay, Duration{});
}

TEST(Fault, ADelayIsFixedAndItsJitterIsOfTheSeed) {
  using std::chrono::milliseconds;
  EXPECT_EQ(meet("{id: f, fault: delay, by: 5ms}").delay, milliseconds(5));
  Fault fault(spec_of_fault("{id: f, fault: delay, by: 1ms, jitter: 2ms}"));
  Random random(1);
  std::set<Duration> delays;
  for (int i = 0; i < 1000; ++i) {
    Passing passing;
    fault.meet(passing, random);
    delays.insert(passing.delay);
  }
  EXPECT_GT(delays.size(), 900U);
  EXPECT_GE(*delays.begin(), milliseconds(1));
  EXPECT_LT(*delays.begin(), std::chrono::microseconds(1100));
  EXPECT_LE(*delays.rbegin(), milliseconds(3));
  EXPECT_GT(*delays.rbegin(), std::chrono::microseconds(2900));
}

TEST(Fault, ATruncatedFrameIsAPrefixAndOneThatIsShorterIsNotStruck) {
  EXPECT_EQ(meet("{id: f, fault: truncate, to: 36}").bytes.size(), 36U);
  EXPECT_EQ(meet("{id: f, fault: truncate, to: 60}").bytes.size(), 60U);
  EXPECT_EQ(struck("{id: f, fault: truncate, to: 36}", six), "") << "they have no bytes";
}

TEST(Fault, ARateSendsOneAfterAnotherAndLosesWhatFindsTheQueueFull) {
  // A millisecond for each frame of 125 bytes; two may wait.
  Fault fault(spec_of_fault("{id: f, fault: rate, at: 1Mbit, queue: 250}"));
  Random random(1);
  const std::vector<std::uint8_t> frame(125);
  const auto fate = [&](Direction direction, int at) {
    Passing passing{
        .way = way(direction), .bytes = frame, .now = Instant(std::chrono::milliseconds(at))};
    fault.meet(passing, random);
    return passing.dropped ? -1 : static_cast<int>(passing.delay / std::chrono::milliseconds(1));
  };
  EXPECT_EQ(fate(Direction::to_target, 0), 1);
  EXPECT_EQ(fate(Direction::to_target, 0), 2);
  EXPECT_EQ(fate(Direction::to_target, 0), 3);
  EXPECT_EQ(fate(Direction::to_target, 0), -1);
  EXPECT_EQ(fate(Direction::to_initiator, 0), 1) << "each direction for itself";
  EXPECT_EQ(fate(Direction::to_target, 1), 3);
  EXPECT_EQ(fate(Direction::to_target, 100), 1);
}

TEST(Fault, WhatHappensToAnEndIsTheWorldsToDo) {
  for (const char* kind : {"mac-change, mac: \"02:00:00:00:00:09\"", "link-down", "mtu, mtu: 999",
                           "pause", "kill", "disk-error"}) {
    EXPECT_FALSE(spec_of_fault(std::string("{id: f, fault: ") + kind + "}").strikes_frames())
        << kind;
  }
}

/// What becomes of a frame; nothing where the fault does not strike it.
std::optional<FrameBytes> corrupted(const std::string& fields, const FrameBytes& frame) {
  YamlMap map(YAML::Load("{id: f, fault: corrupt, " + fields + "}"), "x.yaml", "arm");
  Fault fault(FaultSpec::parse(map, Network::of_two()));
  Random random(1);
  FrameBytes room;
  Passing passing{.bytes = frame, .room = &room};
  if (!fault.meet(passing, random)) return std::nullopt;
  EXPECT_EQ(passing.bytes.size(), frame.size());
  return FrameBytes(passing.bytes.begin(), passing.bytes.end());
}

const FrameBytes read_frame = request_frame(read_command(0x0102'0304'0506), 0x10203040);

TEST(Corrupt, EveryFieldIsReadBackByTheDecoderAsItWasSet) {
  const auto header =
      decode(*corrupted("set: {shelf: 0x1234, slot: 7, tag: 0x89abcdef}", read_frame));
  EXPECT_EQ(header->header.address, (Address{0x1234, 7}));
  EXPECT_EQ(header->header.tag, 0x89abcdefU);
  const FrameBytes moved = *corrupted("set: {lba: 0x0a0b0c0d0e0f, count: 9}", read_frame);
  const auto ata = std::get<AtaRequest>(*decode(moved)->body);
  EXPECT_EQ(ata.lba, 0x0a0b'0c0d'0e0fU);
  EXPECT_EQ(ata.sectors, 9U);
  const FrameBytes elsewhere = *corrupted("set: {destination: 0x020000000009}", read_frame);
  EXPECT_EQ(decode(elsewhere)->header.destination, (Mac{{2, 0, 0, 0, 0, 9}}));
  const FrameBytes query = *corrupted("set: {ccmd: 9}", query_frame());
  EXPECT_FALSE(decode(query)->body);
}

TEST(Corrupt, NothingElseChanges) {
  FrameBytes version = *corrupted("set: {version: 2}", read_frame);
  EXPECT_EQ(version[14], 0x20);
  version[14] = read_frame[14];
  EXPECT_EQ(version, read_frame);
  FrameBytes flags = *corrupted("set: {flags: 0xc}", read_frame);
  EXPECT_EQ(flags[14], 0x1c);
}

TEST(Corrupt, BitsAreInvertedAndTwiceIsNotAtAll) {
  const FrameBytes once = *corrupted("xor: {tag: 0x80000001, version: 3}", read_frame);
  EXPECT_EQ(decode(once)->header.tag, 0x90203041U);
  EXPECT_EQ(once[14], 0x20);
  EXPECT_EQ(*corrupted("xor: {tag: 0x80000001, version: 3}", once), read_frame);
}

TEST(Count, ThoseAreStruckThatHaveAllFieldsAndLackTheOthers) {
  const auto counted = [](const std::string& keys, const FrameBytes& frame) {
    YamlMap map(YAML::Load("{id: f, fault: count, " + keys + "}"), "x.yaml", "arm");
    Fault fault(FaultSpec::parse(map, Network::of_two()));
    Random random(1);
    Passing passing{.bytes = frame};
    const bool struck = fault.meet(passing, random);
    EXPECT_FALSE(passing.changed || passing.dropped);
    EXPECT_EQ(fault.hits(), struck ? 1U : 0U);
    return struck;
  };
  EXPECT_TRUE(counted("has: {version: 1, lba: 0x010203040506}", read_frame));
  EXPECT_TRUE(counted("has: {shelf: 1, destination: 0x020000000002}", read_frame));
  EXPECT_FALSE(counted("has: {version: 1, lba: 6}", read_frame));
  EXPECT_TRUE(counted("lacks: {slot: 255}", read_frame));
  EXPECT_FALSE(counted("has: {version: 1}, lacks: {count: 2}", read_frame));
  EXPECT_FALSE(counted("lacks: {ccmd: 1}", read_frame));  // it has no such field
  EXPECT_TRUE(counted("above: {count: 1}", read_frame));
  EXPECT_FALSE(counted("above: {count: 2}", read_frame));
  EXPECT_TRUE(counted("shorter: 61", read_frame));
  EXPECT_FALSE(counted("shorter: 60", read_frame));
}

TEST(Corrupt, AFrameWithoutTheFieldIsNotStruck) {
  EXPECT_FALSE(corrupted("set: {ccmd: 1}", read_frame));
  EXPECT_FALSE(corrupted("set: {lba: 1}", query_frame()));
  EXPECT_FALSE(corrupted("set: {tag: 1}", FrameBytes(23)));
  EXPECT_TRUE(corrupted("set: {tag: 1}", FrameBytes(24)));
  EXPECT_FALSE(corrupted("set: {tag: 1, lba: 1}", query_frame()));
}

TEST(Corrupt, EachFieldHoldsWhatFitsAndNoMore) {
  for (const layout::Row& row : layout::rows) {
    if (row.fault.empty()) continue;
    FrameBytes frame(64, 0);
    if (row.message != layout::Message::header) frame[19] = static_cast<std::uint8_t>(row.message);
    const auto full = corrupted(fmt::format("xor: {{{}: {:#x}}}", row.fault, row.most()), frame);
    ASSERT_TRUE(full) << row.name;
    unsigned bits = 0;
    for (std::size_t i = 0; i < frame.size(); ++i) {
      const auto changed = static_cast<unsigned>((*full)[i] ^ frame[i]);
      if (changed == 0) continue;
      EXPECT_GE(i, row.offset) << row.name;
      EXPECT_LT(i, row.end()) << row.name;
      bits += static_cast<unsigned>(std::popcount(changed));
    }
    EXPECT_EQ(bits, row.width()) << row.name;
  }
}

using std::chrono::milliseconds;

constexpr Subject read_of(std::uint64_t lba) {
  return {Traffic::read, {1, 1}, lba, 2};
}

class ArmedFaultTest : public testing::Test {
 protected:
  ArmedFault armed(const std::string& yaml, Plan* plan = nullptr, std::uint64_t seed = 1) {
    YamlMap map(YAML::Load(yaml), "x.yaml", "arm");
    return {Fault(FaultSpec::parse(map, Network::of_two())), seed, plan};
  }
  std::optional<Decision> meet(ArmedFault& fault, const Subject& subject,
                               Direction direction = Direction::to_target) {
    passing = {.way = way(direction), .subject = subject, .bytes = frame, .room = &room};
    return fault.meet(passing);
  }

  const FrameBytes frame = request_frame(read_command(0), 1);
  FrameBytes room;
  Passing passing;
};

TEST_F(ArmedFaultTest, NamesAFrameByHowManyLikeItItHasMet) {
  ArmedFault fault = armed("{id: f, fault: drop, nth: 4}");
  EXPECT_FALSE(meet(fault, read_of(0)));
  EXPECT_FALSE(meet(fault, read_of(8)));
  EXPECT_FALSE(meet(fault, read_of(0), Direction::to_initiator));
  const auto decision = meet(fault, read_of(0));
  ASSERT_TRUE(decision);
  EXPECT_EQ(*decision, (Decision{"f", {Direction::to_target, read_of(0), 2}, {.dropped = true}}));
}

TEST_F(ArmedFaultTest, SaysWhatWasDoneToTheFrame) {
  const auto deed = [&](const std::string& keys) {
    ArmedFault fault = armed("{id: f, " + keys + "}");
    return meet(fault, read_of(0))->deed;
  };
  EXPECT_EQ(deed("fault: partition"), (Deed{.dropped = true}));
  EXPECT_EQ(deed("fault: duplicate, copies: 2, spread: 1ms"),
            (Deed{.copies = 2, .spread = milliseconds(1)}));
  EXPECT_EQ(deed("fault: delay, by: 3ms"), (Deed{.delay = milliseconds(3)}));
  EXPECT_EQ(deed("fault: corrupt, set: {version: 2}"), (Deed{.changed = true}));
  EXPECT_EQ(deed("fault: truncate, to: 30"), (Deed{.changed = true}));
}

TEST_F(ArmedFaultTest, AnsweringForItselfAloneWhereOthersStruckBefore) {
  ArmedFault first = armed("{id: a, fault: duplicate}");
  ArmedFault second = armed("{id: b, fault: delay, by: 1ms}");
  passing = {.subject = read_of(0), .bytes = frame, .room = &room};
  first.meet(passing);
  EXPECT_EQ(second.meet(passing)->deed, (Deed{.delay = milliseconds(1)}));
  EXPECT_EQ(passing.copies, 2U);
}

TEST_F(ArmedFaultTest, WithAPlanItDoesTheSameToTheSameFramesWhateverItsSelectorSays) {
  const std::string yaml = "{id: f, fault: delay, by: 1ms, jitter: 5ms}";
  ArmedFault fault = armed(yaml);
  std::vector<Decision> decisions;
  for (std::uint64_t i = 0; i < 20; ++i) {
    const auto decision = meet(fault, read_of(i % 3));
    if (i % 4 == 0) decisions.push_back(*decision);
  }
  Plan plan(decisions);
  ArmedFault again = armed(yaml, &plan, 2);
  std::vector<Decision> repeated;
  for (std::uint64_t i = 0; i < 20; ++i) {
    if (const auto decision = meet(again, read_of(i % 3))) repeated.push_back(*decision);
  }
  EXPECT_EQ(repeated, decisions);
  EXPECT_TRUE(plan.missed().empty());
}

TEST_F(ArmedFaultTest, APlanKnowsWhatNeverCameAndWhatIsOfAnotherFault) {
  const Decision first{"f", {Direction::to_target, read_of(0), 1}, {.dropped = true}};
  const Decision second{"f", {Direction::to_target, read_of(0), 2}, {.dropped = true}};
  const Decision other{"g", {Direction::to_target, read_of(0), 1}, {.dropped = true}};
  Plan plan({first, second, other});
  ArmedFault fault = armed("{id: f, fault: drop}", &plan);
  EXPECT_TRUE(meet(fault, read_of(0)));
  EXPECT_FALSE(meet(fault, read_of(8)));
  EXPECT_EQ(plan.missed(), (std::vector<Decision>{second, other}));
}

TEST_F(ArmedFaultTest, AChangeIsMadeAsTheFaultsOwnKeysSay) {
  Plan plan({{"f", {Direction::to_target, read_of(0), 1}, {.changed = true}}});
  ArmedFault fault = armed("{id: f, fault: corrupt, set: {tag: 9}, nth: 77}", &plan);
  EXPECT_TRUE(meet(fault, read_of(0)));
  EXPECT_EQ(decode(passing.bytes)->header.tag, 9U);
  EXPECT_EQ(decode(frame)->header.tag, 1U) << "the sender's own frame stays as it is";
}

TEST_F(ArmedFaultTest, OneFaultMovesNoOthersChances) {
  const auto struck = [&](const std::string& id, std::uint64_t seed) {
    ArmedFault fault = armed("{id: " + id + ", fault: drop, probability: 0.5}", nullptr, seed);
    std::string text;
    for (int i = 0; i < 64; ++i) text += meet(fault, read_of(0)) ? '1' : '0';
    return text;
  };
  EXPECT_EQ(struck("a", 1), struck("a", 1));
  EXPECT_NE(struck("a", 1), struck("b", 1));
  EXPECT_NE(struck("a", 1), struck("a", 2));
}

}  // namespace
}  // namespace aoe::harness
