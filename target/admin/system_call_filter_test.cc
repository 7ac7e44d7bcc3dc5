#include "target/admin/system_call_filter.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include <gtest/gtest.h>

namespace aoe::target {
namespace {

/// What a process under the filter finds wrong with it; empty for nothing.
std::string trial() {
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  int early = 0;
  std::thread former([&early] {  // is there before the filter is
    while (::syscall(SYS_getpgid, 0) >= 0) std::this_thread::yield();
    early = errno;
  });
  const auto filter = SystemCallFilter::install();
  if (!filter) return filter.error();
  former.join();
  if (early != EPERM) return "a thread that was there before is not limited";
  if ((*filter)->take_refused() != std::vector<std::string>{"getpgid"})
    return "getpgid is not named";

  pollfd told{(*filter)->descriptor(), POLLIN, 0};
  if (::poll(&told, 1, 0) != 0) return "something was told after it had been taken";
  const int radio = ::socket(AF_BLUETOOTH, SOCK_RAW, 0);
  if (radio >= 0 || errno != EPERM) return "a socket of another kind";
  if (::poll(&told, 1, 0) != 1) return "a refused call is not noticed";
  if (::fork() >= 0 || errno != EPERM) return "a process was made";
  ::execl("/bin/true", "true", nullptr);
  if (errno != EPERM) return "a program was run";
  ::execl("/bin/true", "true", nullptr);
  const std::vector<std::string> names{"socket", "clone", "execve (2 times)"};
  if ((*filter)->take_refused() != names) return "what was refused is not named";

  int later = 0;
  std::thread([&later] { later = ::open("/dev/null", O_RDONLY) >= 0 ? 0 : errno; }).join();
  if (later != 0) return "a thread can't open a file";
  if (!(*filter)->take_refused().empty()) return "a thread needs a call that is refused";
  return "";
}

TEST(SystemCallFilterTest, RefusesAndNamesWhatTheTargetNeverDoes) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const std::string wrong = trial();
    if (wrong == "this build has no libseccomp") ::_exit(77);
    if (!wrong.empty()) ::write(2, (wrong + "\n").data(), wrong.size() + 1);
    ::_exit(wrong.empty() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "this build has no libseccomp";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace aoe::target
