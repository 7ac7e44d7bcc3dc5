#include "harness/run/interruption.h"

#include <csignal>
#include <ctime>
#include <initializer_list>

namespace aoe::harness {
namespace {

volatile std::sig_atomic_t told_to_end = 0;
timespec told_at{};

/// Who asks twice means it. Who tells a process and then its whole group, as timeout(1) does, has
/// asked once.
void end_if_told_again(int number) {
  constexpr std::time_t ns_per_s = 1'000'000'000;
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const std::time_t since =
      (now.tv_sec - told_at.tv_sec) * ns_per_s + now.tv_nsec - told_at.tv_nsec;
  if (told_to_end == 0) {
    told_at = now;
    told_to_end = 1;
  } else if (since > ns_per_s / 5) {
    std::signal(number, SIG_DFL);
    std::raise(number);  // once this function has returned
  }
}

void handle(std::initializer_list<int> signals, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigfillset(&action.sa_mask);
  for (const int number : signals) ::sigaction(number, &action, nullptr);
}

}  // namespace

void note_interruptions() {
  handle({SIGINT, SIGTERM, SIGHUP}, end_if_told_again);
}

void outlast_interruptions() {
  handle({SIGTERM, SIGHUP}, [](int) { told_to_end = 1; });
  std::signal(SIGINT, SIG_IGN);
}

bool interrupted() {
  return told_to_end != 0;
}

}  // namespace aoe::harness
