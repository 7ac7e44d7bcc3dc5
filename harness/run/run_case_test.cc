#include "harness/run/run_case.h"

#include <filesystem>
#include <stdexcept>

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

TEST(Jobs, AreAsManyAsTheWorldBears) {
  EXPECT_EQ(jobs_in(WorldKind::sim, 2), 2U);
  EXPECT_EQ(jobs_in(WorldKind::veth, 2), 8U);
  EXPECT_EQ(jobs_in(WorldKind::interface, 2), 1U) << "they share what answers there";
  EXPECT_EQ(jobs_in(WorldKind::remote, 2), 1U) << "they share the wire";
  EXPECT_EQ(jobs_in(WorldKind::sim, 0), 1U) << "where nobody knows how many processors there are";
}

TEST(RemoteWorld, TakesAnInterfaceAndACommand) {
  CaseOptions options;
  options.interface = "eth1";
  options.remote = "ssh lab2 aoe-harness remote";
  EXPECT_EQ(options.fitting_world(), WorldKind::remote);
  EXPECT_EQ(options.conflict(), "--world remote and --remote need each other");
  options.world = WorldKind::remote;
  EXPECT_EQ(options.conflict(), "");
  EXPECT_EQ(played_as(options),
            " --world remote --interface eth1 --remote 'ssh lab2 aoe-harness remote'");
  EXPECT_EQ(world_named(text(options.world)), options.world);
  options.interface = "";
  EXPECT_EQ(options.conflict(),
            "--world remote: --interface has to name the one that leads to the other machine");
}

class TraceLog : public testing::Test {
 protected:
  /// Plays the steps in the sim world. Returns trace.log; empty: there is none.
  std::string trace_of(const std::string& steps, Outcome outcome) {
    const auto scenario = parse_scenario(trial(steps), "x.yaml");
    if (!scenario) throw std::runtime_error(scenario.error());
    EXPECT_EQ(run_case(*scenario, {}, 1, folder_.path()).outcome, outcome);
    return std::filesystem::exists(folder_.path("trace.log")) ? read_text(folder_.path("trace.log"))
                                                              : "";
  }
  const Folder folder_;
};

TEST_F(TraceLog, OfAFailedCaseHasTheDecisionsOfBothEngines) {
  const std::string trace = trace_of(
      "- arm: {fault: drop, id: f, match: {direction: to-target, command: read}, nth: 1}\n"
      "- io: {id: r, op: read, lba: 0, count: 2}\n"
      "- expect: {hits: {of: f, min: 7}}\n",
      Outcome::failed);
  EXPECT_NE(trace.find(" state e1.1: identifying -> up"), std::string::npos) << trace;
  EXPECT_NE(trace.find(" announce e1.1"), std::string::npos) << trace;
}

TEST_F(TraceLog, IsNotThereOfACaseThatPassed) {
  EXPECT_EQ(trace_of("- io: {id: r, op: read, lba: 0, count: 2}\n", Outcome::passed), "");
}

}  // namespace
}  // namespace aoe::harness
