// SignalsBlocked: keeps signals from the threads that a program starts; and a signal that is kept until
// the program is ready for it.
#pragma once

#include <pthread.h>

#include <csignal>

namespace aoe {

/// Blocks all signals in the calling thread while it lives. A thread that is started meanwhile has
/// them blocked for good, so that they reach the thread that waits for them. SIGBUS, SIGSEGV
/// and SIGSYS, the faults of a thread itself, stay as they are.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGSYS);
    pthread_sigmask(SIG_BLOCK, &all, &former_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &former_, nullptr); }

 private:
  sigset_t former_;
};

/// Blocks one signal in the calling thread and those that it starts, until unblock_signal(): it is kept
/// until then.
inline void block_signal(int signal) {
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  pthread_sigmask(SIG_BLOCK, &one, nullptr);
}
inline void unblock_signal(int signal) {
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
}

}  // namespace aoe
