#include "harness/link/armed_fault.h"

#include <gtest/gtest.h>

#include "config/yaml_map.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

using std::chrono::milliseconds;

constexpr Subject read_of(std::uint64_t lba) {
  return {Traffic::read, {1, 1}, lba, 2};
}

class ArmedFaultTest : public testing::Test {
 protected:
  ArmedFault armed(const std::string& yaml, Plan* plan = nullptr, std::uint64_t seed = 1) {
    YamlMap map(YAML::Load(yaml), "x.yaml", "arm");
    return {make_fault(FaultSpec::parse(map)), seed, plan};
  }
  std::optional<Decision> meet(ArmedFault& fault, const Subject& subject,
                               Direction direction = Direction::to_target) {
    passing = {.direction = direction, .subject = subject, .bytes = frame, .room = &room};
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
