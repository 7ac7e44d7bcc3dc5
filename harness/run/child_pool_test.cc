#include "harness/run/child_pool.h"

#include <unistd.h>

#include <csignal>
#include <map>
#include <stdexcept>

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

/// A pool that notes how each piece ended.
struct Noted {
  ChildPool pool;
  std::map<std::size_t, ChildEnd> ends;

  explicit Noted(std::function<std::string(std::size_t)> work) {
    pool.work = std::move(work);
    pool.ended = [this](const ChildEnd& end) { ends.emplace(end.index, end); };
  }
};

TEST(ChildPool, HandsOverWhatEachPieceReturnsHoweverLongItIs) {
  Noted noted([](std::size_t index) { return std::string(index * 300'000, 'x') + "."; });
  noted.pool.jobs = 3;
  EXPECT_EQ(noted.pool.run(7), 7U);
  ASSERT_EQ(noted.ends.size(), 7U);
  for (const auto& [index, end] : noted.ends) {
    EXPECT_EQ(end.output.size(), index * 300'000 + 1);
    EXPECT_EQ(end.death, "");
  }
}

TEST(ChildPool, APieceThatDiesTakesNobodyWithIt) {
  Noted noted([](std::size_t index) -> std::string {
    if (index == 0) ::raise(SIGKILL);
    if (index == 1) ::_exit(9);
    if (index == 2) throw std::runtime_error("not today");
    return "well";
  });
  EXPECT_EQ(noted.pool.run(4), 4U);
  EXPECT_EQ(noted.ends.at(0).death, "was killed by signal 9 (Killed)");
  EXPECT_EQ(noted.ends.at(1).death, "ended with status 9");
  EXPECT_EQ(noted.ends.at(2).death, "ended with status 1");
  EXPECT_EQ(noted.ends.at(3).death, "");
  EXPECT_EQ(noted.ends.at(3).output, "well");
}

TEST(ChildPool, APieceThatHangsIsEnded) {
  Noted noted([](std::size_t index) -> std::string {
    while (index == 0) ::pause();
    return "well";
  });
  noted.pool.patience = std::chrono::seconds(1);
  EXPECT_EQ(noted.pool.run(2), 2U);
  EXPECT_EQ(noted.ends.at(0).death, "did not end within 1 s");
  EXPECT_EQ(noted.ends.at(1).output, "well");
}

TEST(ChildPool, BeginsNothingMoreOnceItIsToStop) {
  Noted noted([](std::size_t index) { return std::to_string(index); });
  noted.pool.stop = [&noted] { return noted.ends.size() >= 2; };
  EXPECT_EQ(noted.pool.run(1'000'000), 2U);
  EXPECT_EQ(noted.ends.size(), 2U);
}

}  // namespace
}  // namespace aoe::harness
