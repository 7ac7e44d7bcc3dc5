#include "harness/link/schedule.h"

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

using std::chrono::microseconds;

Decision decision(Deed deed) {
  return {
      "f-1", {Direction::to_initiator, {Traffic::read, {7, 3}, 1ULL << 40, 2}, 3}, deed, 12'345};
}

Schedule full() {
  return {.scenario = "scenario: 'it''s'\ntitle: \"a: b # c\"\n\nsteps:\n  - wait: 1s\n",
          .seed = UINT64_MAX,
          .world = "veth",
          .sut = "vblade {shelf} {slot} 'x' # y",
          .peer = "aoe-initiator # 'y'",
          .failure = "window-respected",
          .decisions = {decision({.dropped = true}), decision({.changed = true}),
                        decision({.copies = 3, .spread = microseconds(7)}),
                        decision({.delay = Duration(1'234'567)})}};
}

std::string complaint(const std::string& line) {
  const auto schedule = parse_schedule(
      "seed: 1\nworld: sim\nsut: x\nscenario: |\n  scenario: s\ndecisions:\n" + line, "x.yaml");
  return schedule ? "none" : schedule.error();
}

TEST(Schedule, ItIsReadAsItWasWritten) {
  const Schedule schedule = full();
  const auto read = parse_schedule(to_yaml(schedule), "x.yaml");
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->scenario, schedule.scenario);
  EXPECT_EQ(read->seed, schedule.seed);
  EXPECT_EQ(read->world, schedule.world);
  EXPECT_EQ(read->sut, schedule.sut);
  EXPECT_EQ(read->peer, schedule.peer);
  EXPECT_EQ(read->failure, schedule.failure);
  EXPECT_EQ(read->decisions, schedule.decisions);
  EXPECT_EQ(to_yaml(*read), to_yaml(schedule));
}

TEST(Schedule, OneWithoutDecisionsToo) {
  Schedule schedule = full();
  schedule.decisions.clear();
  schedule.failure.clear();
  schedule.peer.clear();
  const auto read = parse_schedule(to_yaml(schedule), "x.yaml");
  ASSERT_TRUE(read) << read.error();
  EXPECT_TRUE(read->decisions.empty());
  EXPECT_EQ(read->failure, "");
  EXPECT_EQ(read->peer, "");
}

TEST(Schedule, ADecisionIsALineThatAPersonReads) {
  Schedule schedule = full();
  schedule.decisions.resize(1);
  const std::string yaml = to_yaml(schedule);
  EXPECT_EQ(yaml.substr(yaml.find("- {fault")),
            "- {fault: f-1, frame: 12345, direction: to-initiator, command: read, shelf: 7, slot: "
            "3, lba: 1099511627776, count: 2, nth: 3, do: drop}\n");
  EXPECT_EQ(describe(decision({.dropped = true})),
            "drop of the 3rd read to-initiator e7.3 lba 1099511627776+2 (fault f-1)");
  EXPECT_EQ(describe(decision({.copies = 2, .delay = Duration(1'500)})),
            "2 copies, delay by 1.5 us of the 3rd read to-initiator e7.3 lba 1099511627776+2 "
            "(fault f-1)");
}

TEST(Schedule, MistakesAreNamed) {
  const std::string good =
      "frame: 1, direction: to-target, command: read, shelf: 1, slot: 1, lba: 0, count: 2, nth: 1";
  EXPECT_EQ(complaint("- {fault: f, " + good + ", do: drop}"), "none");
  EXPECT_EQ(complaint("- {fault: f, " + good + ", do: drpo}"),
            "x.yaml:7:110: decision: do: expected one of drop, change, arrive, got 'drpo'; did you "
            "mean 'drop'?");
  EXPECT_EQ(complaint("- {fault: f, do: drop}"), "x.yaml:7:3: decision: key 'frame' is missing");
  EXPECT_EQ(complaint("- {fault: f, " + good + ", do: drop, dealy: 1ms}"),
            "x.yaml:7:116: decision: unknown key 'dealy'; did you mean 'delay'?");
  EXPECT_EQ(load_schedule("/nowhere").error(), "/nowhere: No such file or directory");
}

}  // namespace
}  // namespace aoe::harness
