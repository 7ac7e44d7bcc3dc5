#include "harness/run/child_pool.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <map>
#include <stdexcept>

#include <gtest/gtest.h>

#include "harness/run/interruption.h"

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
  noted.pool.grace = std::chrono::seconds(1);
  EXPECT_EQ(noted.pool.run(2), 2U);
  EXPECT_EQ(noted.ends.at(0).death, "did not end within 1 s");
  EXPECT_EQ(noted.ends.at(1).output, "well");
}

TEST(ChildPool, APieceThatTakesTooLongIsAskedBeforeItIsKilled) {
  Noted noted([](std::size_t) -> std::string {
    while (!interrupted()) ::usleep(1000);
    return "what it has";
  });
  noted.pool.patience = std::chrono::seconds(1);
  EXPECT_EQ(noted.pool.run(1), 1U);
  EXPECT_EQ(noted.ends.at(0).death, "did not end within 1 s");
  EXPECT_EQ(noted.ends.at(0).output, "what it has");
}

TEST(ChildPool, APieceHearsTheSameInterruptionFromManySenders) {
  Noted noted([](std::size_t index) -> std::string {
    for (int i = 0; i < 3; ++i) ::raise(index == 0 ? SIGTERM : SIGHUP);
    ::raise(SIGINT);
    return interrupted() ? "interrupted" : "not interrupted";
  });
  EXPECT_EQ(noted.pool.run(2), 2U);
  for (const auto& [index, end] : noted.ends) {
    EXPECT_EQ(end.death, "") << index;
    EXPECT_EQ(end.output, "interrupted") << index;
  }
}

TEST(ChildPool, OneInterruptionThatComesTwiceAtOnceIsOne) {
  Noted noted([](std::size_t) -> std::string {
    note_interruptions();
    ::raise(SIGTERM);
    ::raise(SIGTERM);
    return interrupted() ? "interrupted" : "not interrupted";
  });
  EXPECT_EQ(noted.pool.run(1), 1U);
  EXPECT_EQ(noted.ends.at(0).death, "");
  EXPECT_EQ(noted.ends.at(0).output, "interrupted");
}

/// Starts a program that runs until it is killed.
pid_t start_sleeper() {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::setsid();
  ::execlp("sleep", "sleep", "1000", nullptr);  // and so lets go of the pool's pipe
  ::_exit(1);
}

bool is_gone(pid_t pid) {
  return ::kill(pid, 0) != 0 && errno == ESRCH;
}

TEST(ChildPool, WhatAPieceLeavesBehindIsKilledAndNothingElse) {
  const pid_t other = start_sleeper();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Noted noted([&](std::size_t) -> std::string {
    // As a program does that another one has started.
    const pid_t parent = ::fork();
    if (parent == 0) {
      const pid_t orphan = start_sleeper();
      ::_exit(::write(ends[1], &orphan, sizeof orphan) == sizeof orphan ? 0 : 1);
    }
    ::waitpid(parent, nullptr, 0);
    ::raise(SIGKILL);
    return {};
  });
  EXPECT_EQ(noted.pool.run(1), 1U);
  pid_t orphan = 0;
  ASSERT_EQ(::read(ends[0], &orphan, sizeof orphan), static_cast<ssize_t>(sizeof orphan));
  EXPECT_TRUE(is_gone(orphan)) << "it lives on";
  EXPECT_FALSE(is_gone(other));
  int status = 0;
  EXPECT_EQ(::waitpid(other, &status, WNOHANG), 0) << "it lives, and is not the pool's";
  for (const pid_t pid : {orphan, other}) ::kill(pid, SIGKILL);
  ::waitpid(other, nullptr, 0);
  for (const int end : ends) ::close(end);
}

TEST(ChildPool, BeginsNothingMoreOnceItIsToStop) {
  Noted noted([](std::size_t index) { return std::to_string(index); });
  noted.pool.stop = [&noted] { return noted.ends.size() >= 2; };
  EXPECT_EQ(noted.pool.run(1'000'000), 2U);
  EXPECT_EQ(noted.ends.size(), 2U);
}

}  // namespace
}  // namespace aoe::harness
