#include "harness/report/join.h"

#include <gtest/gtest.h>

#include "harness/judge/coverage.h"

namespace aoe::harness {
namespace {

/// A part with cases of these names.
RunPart part(const std::string& path, const std::vector<std::string>& names) {
  RunPart made{path, {}};
  made.run.sut = "vblade";
  made.run.world = "veth";
  made.run.seed = 7;
  for (const std::string& name : names) made.run.cases.emplace_back().id = name;
  return made;
}

std::string names(const tl::expected<RunRecord, std::string>& run) {
  if (!run) return run.error();
  std::string all;
  for (const CaseRecord& record : run->cases) all += record.id;
  return all;
}

TEST(Join, HasTheCasesInTheirOldOrder) {
  EXPECT_EQ(names(join({part("1", {"a", "d", "g"}), part("2", {"b", "e"}), part("3", {"c", "f"})})),
            "abcdefg");
  EXPECT_EQ(names(join({part("1", {"a"})})), "a");
}

TEST(Join, SumsUpWhatIsSaidOfTheParts) {
  RunPart one = part("1", {"a"});
  one.run.real = std::chrono::seconds(2);
  one.run.started = "2026-11-22T16:40:00Z";
  RunPart two = part("2", {});
  two.run.real = std::chrono::seconds(3);
  two.run.started = "2026-11-22T16:39:00Z";
  two.run.interrupted = true;
  two.run.not_run = {"b"};
  const auto whole = join({one, two});
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->real, std::chrono::seconds(3));
  EXPECT_EQ(whole->started, two.run.started);
  EXPECT_TRUE(whole->interrupted);
  EXPECT_EQ(whole->not_run, two.run.not_run);
}

TEST(Join, MakesOneCaseOfThoseThatSumUpOthers) {
  const auto summing = [](const std::string& path, const std::string& repeated_by) {
    RunPart made = part(path, {path, every_answer_case("2/4")});
    CaseRecord& sum = made.run.cases[1];
    sum.outcome = Outcome::failed;
    sum.reproduce = repeated_by;
    sum.failures.emplace_back().actual = path;
    sum.notes = {"in " + path};
    return made;
  };
  const auto whole = join({summing("a", "run a"), summing("b", "run b")});
  ASSERT_EQ(names(whole), "abtarget-every-answer[clause=2/4]");
  EXPECT_EQ(whole->cases[2].failures.size(), 2U);
  EXPECT_EQ(whole->cases[2].notes, (std::vector<std::string>{"in a", "in b"}));
  EXPECT_EQ(names(join({summing("a", "run x"), summing("b", "run x")})),
            "b: case 'target-every-answer[clause=2/4]' is in a, too");
}

RunPart shard(std::uint64_t number, std::uint64_t of, const std::vector<std::string>& names) {
  RunPart made = part("p" + std::to_string(number), names);
  made.run.part = number;
  made.run.parts = of;
  return made;
}

TEST(Join, TakesThePartsOfAShardedRunInAnyOrder) {
  const auto whole = join({shard(3, 3, {"c"}), shard(1, 3, {"a", "d"}), shard(2, 3, {"b", "e"})});
  EXPECT_EQ(names(whole), "abcde");
  EXPECT_EQ(whole->part, 1U);
  EXPECT_EQ(whole->parts, 1U) << "it is whole";
}

TEST(Join, LeavesOnePartAPart) {
  const auto alone = join({shard(2, 3, {"b"})});
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->part, 2U);
  EXPECT_EQ(alone->parts, 3U);
}

TEST(Join, SaysWhichPartsLack) {
  EXPECT_EQ(names(join({shard(1, 3, {"a"}), shard(2, 3, {"b"})})),
            "of the run's 3 parts 2 are given; lacking: 3/3 (play it with --shard 3/3 --seed 7)");
  EXPECT_EQ(names(join({shard(2, 10000, {"a"}), shard(1, 10000, {"b"})})),
            "of the run's 10000 parts 2 are given; lacking: 3/10000, 4/10000, 5/10000, 6/10000, "
            "7/10000, 8/10000, 9/10000, 10/10000, more (play it with --shard 3/10000 --seed 7)");
}

TEST(Join, RefusesPartsThatOverlap) {
  EXPECT_EQ(names(join({shard(1, 3, {"a"}), shard(2, 3, {"b"}), shard(2, 3, {"c"})})),
            "p2: it is part 2/3, and so is p2");
  EXPECT_EQ(names(join({shard(1, 2, {"a"}), shard(2, 3, {"b"})})),
            "p2: it is part 2/3, p1 is part 1/2");
  EXPECT_EQ(names(join({shard(1, 2, {"a"}), part("all", {"a", "b"})})),
            "all: it is a whole run, p1 is part 1/2");
}

TEST(Join, RefusesACaseOfTwoPartsFromTwoFolders) {
  RunPart one = part("one", {"a"});
  RunPart two = part("two", {"a"});
  one.run.cases[0].reproduce = "aoe-harness run /here/a.yaml";
  two.run.cases[0].reproduce = "aoe-harness run /there/a.yaml";
  EXPECT_EQ(names(join({one, two})), "two: case 'a' is in one, too");
}

TEST(Join, RefusesWhatIsNoPartOfTheSameRun) {
  const auto changed = [](auto change) {
    RunPart other = part("two", {"b"});
    change(other.run);
    return names(join({part("one", {"a"}), other}));
  };
  EXPECT_EQ(changed([](RunRecord& run) { run.seed = 8; }),
            "two: its seed is 8, that of one is 7 (give each part the same --seed)");
  EXPECT_EQ(changed([](RunRecord& run) { run.sut = "qaoed"; }),
            "two: its implementation is qaoed, that of one is vblade");
  EXPECT_EQ(changed([](RunRecord& run) { run.suite = "target"; }),
            "two: its suite is target, that of one is unknown");
  EXPECT_EQ(changed([](RunRecord& run) { run.cases[0].id = "a"; }), "two: case 'a' is in one, too");
}

}  // namespace
}  // namespace aoe::harness
