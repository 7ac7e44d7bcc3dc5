// A library for a test to preload into aoe-target: on SIGUSR1 it makes a system call that the target never
// makes, and says what became of it.
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace {

void call(int) {
  constexpr unsigned long ask = 0xffffffff;
  const bool is_done = ::syscall(SYS_personality, ask) >= 0;
  const char* const told = is_done          ? "personality: done\n"
                           : errno == EPERM ? "personality: Operation not permitted\n"
                                            : "personality: another error\n";
  [[maybe_unused]] const ssize_t size = ::write(STDERR_FILENO, told, std::strlen(told));
}

[[gnu::constructor]] void listen() {
  struct sigaction action {};
  action.sa_handler = call;
  ::sigaction(SIGUSR1, &action, nullptr);
}

}  // namespace
