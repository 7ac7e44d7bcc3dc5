#include "harness/faults/fault.h"

#include <gtest/gtest.h>

#include "config/yaml_map.h"

namespace aoe::harness {
namespace {

FaultSpec spec_of(const std::string& yaml) {
  YamlMap map(YAML::Load(yaml), "x.yaml", "arm");
  return FaultSpec::parse(map);
}

struct Passer {
  Direction direction = Direction::to_target;
  Traffic traffic = Traffic::read;
};

/// Which of these frames, counted from 1, a fault strikes: "2 4".
std::string struck(const std::string& yaml, const std::vector<Passer>& frames,
                   std::uint64_t seed = 1) {
  const auto fault = make_fault(spec_of(yaml));
  Random random(seed);
  std::string list;
  std::uint64_t hits = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    Passing passing{
        .direction = frames[i].direction, .frame = nullptr, .traffic = frames[i].traffic};
    if (!fault->meet(passing, random)) continue;
    list += (list.empty() ? "" : " ") + std::to_string(i + 1);
    ++hits;
  }
  EXPECT_EQ(fault->hits(), hits);
  return list;
}

/// What becomes of one frame.
Passing meet(const std::string& yaml) {
  const auto fault = make_fault(spec_of(yaml));
  Random random(1);
  Passing passing{.direction = Direction::to_target, .frame = nullptr, .traffic = Traffic::read};
  fault->meet(passing, random);
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

TEST(Fault, AMatchNamesADirection) {
  const std::vector<Passer> frames{{.direction = Direction::to_target},
                                   {.direction = Direction::to_initiator}};
  EXPECT_EQ(struck("{id: f, fault: partition, match: {direction: to-target}}", frames), "1");
  EXPECT_EQ(struck("{id: f, fault: partition, match: {direction: to-initiator}}", frames), "2");
}

TEST(Fault, AtaMatchesEveryKindOfAtaCommandAndNothingElse) {
  const std::vector<Passer> frames{{.traffic = Traffic::any},   {.traffic = Traffic::ata},
                                   {.traffic = Traffic::read},  {.traffic = Traffic::write},
                                   {.traffic = Traffic::flush}, {.traffic = Traffic::identify},
                                   {.traffic = Traffic::config}};
  EXPECT_EQ(struck("{id: f, fault: drop, match: {command: ata}}", frames), "2 3 4 5 6");
  EXPECT_EQ(struck("{id: f, fault: drop, match: {command: read}}", frames), "3");
  EXPECT_EQ(struck("{id: f, fault: drop, match: {command: write}}", frames), "4");
  EXPECT_EQ(struck("{id: f, fault: drop, match: {command: flush}}", frames), "5");
  EXPECT_EQ(struck("{id: f, fault: drop, match: {command: identify}}", frames), "6");
  EXPECT_EQ(struck("{id: f, fault: drop, match: {command: config}}", frames), "7");
  EXPECT_EQ(struck("{id: f, fault: drop}", frames), "1 2 3 4 5 6 7");
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

TEST(Fault, AMacChangeIsTheWorldsToDo) {
  EXPECT_EQ(make_fault(spec_of("{id: f, fault: mac-change, mac: \"02:00:00:00:00:09\"}")), nullptr);
}

}  // namespace
}  // namespace aoe::harness
