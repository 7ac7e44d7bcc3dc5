#include "harness/run/interruption.h"

#include <csignal>

namespace aoe::harness {
namespace {

volatile std::sig_atomic_t told_to_end = 0;

}  // namespace

void note_interruptions() {
  struct sigaction action {};
  action.sa_handler = [](int) { told_to_end = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // who asks twice means it
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(number, &action, nullptr);
}

bool interrupted() {
  return told_to_end != 0;
}

}  // namespace aoe::harness
