#include "harness/run/passive_case.h"

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

constexpr Address at{3, 4};

tl::expected<Scenario, std::string> passive(const std::string& steps, const std::string& given = "",
                                            const std::string& target = "") {
  const auto scenario = parse_scenario("scenario: s\ntitle: t\nroles: {target: {size: 64KiB" +
                                           target + "}}\ngiven: {" + given + "}\nsteps:\n" + steps,
                                       "s.yaml");
  EXPECT_TRUE(scenario) << scenario.error();
  if (!scenario) return scenario;
  return as_passive(*scenario, at, std::chrono::seconds(60));
}

/// The words of its steps, and what a person is told.
std::string played(const std::string& steps) {
  const auto made = passive(steps);
  if (!made) return made.error();
  std::string text;
  for (const Step& step : made->steps) {
    text += words(step) + "\n";
    if (step.awaited) text += "  " + step.awaited->prompt + "; " + step.awaited->missing + "\n";
  }
  return text;
}

TEST(PassiveCase, WaitsForWhatItsUserDoes) {
  const auto made = passive("- discover: {}\n- io: {id: a, op: mixed, requests: 10, depth: 8}\n");
  ASSERT_TRUE(made) << made.error();
  std::string told;
  for (const Step& step : made->steps) {
    if (step.awaited) told += step.awaited->prompt + "; " + step.awaited->missing + "\n";
  }
  EXPECT_EQ(
      told,
      "now let the initiator find e3.4 (60s); nobody asked e3.4 to identify itself within 60s\n"
      "now write something to e3.4 (60s); nothing was written within 60s\n"
      "now read something from e3.4 (60s); nothing was read within 60s\n");
  EXPECT_EQ(made->lun().address, at);
  EXPECT_EQ(made->disk().sectors, 16384U);
  EXPECT_EQ(std::ranges::count(made->always, Check::data_integrity), 0);
  EXPECT_EQ(std::ranges::count(made->always, Check::reserved_zero), 1);
}

TEST(PassiveCase, KeepsFaultsOfFramesAndWhatIsExpectedOfThem) {
  const auto made = passive(
      "- arm: {fault: drop, id: f, match: {direction: to-target, command: read}, nth: 1}\n"
      "- io: {id: a, op: read, lba: 8}\n"
      "- expect: {retransmit: {of: f, within: [0s, 2s + slack]}, io: {id: a}}\n"
      "- expect: {io: {id: a}}\n");
  ASSERT_TRUE(made) << made.error();
  ASSERT_EQ(made->steps.size(), 4U);
  EXPECT_EQ(made->steps[0].word, "arm");
  EXPECT_TRUE(made->steps[2].awaited);
  const auto* kept = std::get_if<ExpectStep>(&made->steps[3].what);
  ASSERT_NE(kept, nullptr);
  EXPECT_TRUE(kept->retransmit);
  EXPECT_FALSE(kept->io);
}

TEST(PassiveCase, ADiskIsFoundOnce) {
  const auto made = passive("- discover: {}\n- says: {announce: true}\n- discover: {}\n");
  ASSERT_TRUE(made) << made.error();
  EXPECT_EQ(made->steps.size(), 3U);
}

TEST(PassiveCase, TellsWhyAScenarioIsNotFit) {
  const std::string io = "- io: {id: a, op: read}\n";
  EXPECT_EQ(played("- discover: {found: false}\n"), "that a disk is not found only its user sees");
  EXPECT_EQ(played("- io: {id: a, op: flush}\n"), "not everyone can be asked to flush or trim");
  EXPECT_EQ(played("- io: {id: a, op: read, lba: 120}\n"), "it is about the disk's end");
  EXPECT_EQ(played("- warmup: {reads: 16}\n"), "it needs 16 reads first");
  EXPECT_EQ(played(io + "- arm: {fault: kill, id: k}\n"), "it is about what happens to an end");
  EXPECT_EQ(played(io + "- arm: {fault: partition, id: p}\n"),
            "its faults strike while requests are under way");
  EXPECT_EQ(played("- arm: {fault: drop, id: p, match: {lba: 8}}\n" + io),
            "it is about certain sectors");
  EXPECT_EQ(played("- arm: {fault: count, id: p, lacks: {shelf: 258}}\n" + io),
            "it is about addresses of its own");
  EXPECT_EQ(played(io + "- expect: {io: {id: a, result: error}}\n"),
            "it is about requests that fail, which only their user sees");
  EXPECT_EQ(played(io + "- expect: {outstanding: {max: 1}}\n"), "it needs many requests at once");
  EXPECT_EQ(played("- arm: {fault: count, id: p}\n" + io + "- expect: {hits: {of: p, min: 9}}\n"),
            "it needs many requests");
  EXPECT_EQ(played("- discover: {}\n- open: {}\n"), "only its user can open a disk");
  EXPECT_EQ(played("- ask: {kind: read}\n"), "it is about a target");
  EXPECT_EQ(played("- wait: 1s\n"), "nothing in it is for an initiator's user to do");
  EXPECT_EQ(passive(io, "mtu: 9000").error(), "the interfaces on a wire keep their MTU");
  EXPECT_EQ(passive(io, "maxout: 4").error(),
            "it sets the initiator's maxout, which can't be done from here");
  EXPECT_EQ(passive(io, "", ", base: 4096").error(), "it is about certain sectors");
  EXPECT_EQ(passive(io, "", ", paths: 2").error(), "an interface has one address");
}

}  // namespace
}  // namespace aoe::harness
