// Orders what two threads write and then read, where one does so all the time and the other rarely: the
// rare one pays.
//
// Each writes something and then reads what the other has written. With here() between the two on
// the one side and everywhere() on the other, at least one of them reads what was written. Without,
// a processor may read first. Used by any thread of the process.
#pragma once

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

namespace aoe {

class OneSidedBarrier {
 public:
  /// Where the kernel has no membarrier(2), both sides pay.
  OneSidedBarrier()
      : kernel_helps_(::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) ==
                      0) {}

  void here() const {
    if (kernel_helps_) {
      std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      std::atomic_thread_fence(std::memory_order_seq_cst);
    }
  }
  /// Has every thread of the process that runs pass a barrier. Costs microseconds.
  void everywhere() const {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (kernel_helps_) ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
  }

 private:
  const bool kernel_helps_;
};

}  // namespace aoe
