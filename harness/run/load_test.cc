#include "harness/run/load.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "harness/testing/test_play.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

class LoadTest : public testing::Test {
 protected:
  /// The LBAs that an io step asks for, by what asks.
  static std::vector<std::string> asked(const std::string& io, std::uint64_t seed = 1) {
    const Play play(trial("- io: {id: a, " + io + "}\n- expect: {io: {id: a}}\n"),
                    Play::make<SimWorld>, seed);
    EXPECT_EQ(play.failures(), "");
    std::vector<std::string> lines;
    for (FrameId id = 0; id < play.ledger.size(); ++id) {
      const std::string line = play.ledger.summary(id);
      if (line.find("EXT lba") != std::string::npos)
        lines.push_back(line.substr(5, line.find(" tag") - 5));
    }
    return lines;
  }
};

TEST_F(LoadTest, OneRequestIsAtItsLba) {
  EXPECT_EQ(asked("op: read, lba: 3, count: 3"),
            (std::vector<std::string>{"READ EXT lba 3+2", "READ EXT lba 5+1"}));
  EXPECT_EQ(asked("op: flush"), std::vector<std::string>{"FLUSH CACHE EXT lba 0+0"});
}

TEST_F(LoadTest, ManyRequestsCoverBlocksOnceInAnOrderOfTheSeed) {
  const auto first = asked("op: read, count: 2, requests: 64, depth: 5");
  EXPECT_EQ(std::set<std::string>(first.begin(), first.end()).size(), 64U) << "the whole disk";
  EXPECT_EQ(asked("op: read, count: 2, requests: 64, depth: 5"), first);
  EXPECT_NE(asked("op: read, count: 2, requests: 64, depth: 5", 2), first);
}

TEST_F(LoadTest, MixedMeansReadsAndWrites) {
  const auto frames = asked("op: mixed, count: 2, requests: 64, depth: 4");
  const auto writes = std::ranges::count_if(
      frames, [](const std::string& line) { return line.starts_with("WRITE EXT"); });
  EXPECT_GT(writes, 16);
  EXPECT_LT(writes, 48);
}

TEST_F(LoadTest, WithinASpanRequestsOverlapAndNoneIsForgottenThatHadToWait) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Play play(
        trial("- io: {id: a, op: mixed, count: 4, requests: 100, depth: 8, lba: 8, span: 8KiB}\n"
              "- io: {id: b, op: read, count: 4, requests: 50, depth: 8, lba: 8, span: 8KiB}\n"
              "- io: {id: f, op: flush, requests: 3}\n"
              "- io: {id: g, op: flush, requests: 3}\n"
              "- io: {id: t, op: trim, count: 4, requests: 20, depth: 4, span: 8KiB}\n"
              "- expect: {io: {id: a}}\n"
              "- expect: {io: {id: b}}\n"
              "- expect: {io: {id: t}}\n"),
        Play::make<SimWorld>, seed);
    ASSERT_EQ(play.failures(), "") << "seed " << seed;
    EXPECT_EQ(play.verdict.requests, 176U);
  }
}

TEST_F(LoadTest, NoMoreRequestsAreOutstandingThanItsDepth) {
  const Play play(
      trial("- arm: {fault: partition, id: cut}\n"
            "- io: {id: a, op: read, count: 1, requests: 100, depth: 3}\n"
            "- wait: 50ms\n"));
  EXPECT_EQ(play.stage.account("cut").hits, 3U);
}

TEST_F(LoadTest, OfADeviceThatIsDownAllRequestsFailAndNoStackOverflows) {
  std::string yaml = trial(
      "- arm: {fault: partition, id: cut}\n"
      "- io: {id: a, op: read, lba: 0}\n"
      "- expect: {io: {id: a, result: error}}\n"
      "- io: {id: b, op: read, count: 1, requests: 100000, depth: 2}\n"
      "- expect: {io: {id: b, result: error}}\n");
  yaml.replace(yaml.find("64KiB"), 5, "64MiB");
  EXPECT_EQ(Play(yaml).failures(), "");
}

}  // namespace
}  // namespace aoe::harness
