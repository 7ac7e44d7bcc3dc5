#include "base/killed.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace aoe {
namespace {

TEST(Killed, IsSaidOfNobodyWhoLives) {
  EXPECT_FALSE(is_being_killed(::getpid()));
  EXPECT_FALSE(is_being_killed(0));
  EXPECT_FALSE(is_being_killed(1 << 30));
}

TEST(Killed, IsSaidOfAProcessWhoseThreadsAllExit) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) ::pause();
  }
  EXPECT_FALSE(is_being_killed(child));
  ::kill(child, SIGTERM);
  siginfo_t ended{};
  ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT);
  EXPECT_TRUE(is_being_killed(child));
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(is_being_killed(child));
}

}  // namespace
}  // namespace aoe
