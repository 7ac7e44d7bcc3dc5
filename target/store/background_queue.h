// The half of a disk queue that the serving thread sees, where other threads do the operations.
//
// Owns an event descriptor and the lists of what is started and what has ended. The serving thread
// waits for no disk: it appends to lists, and starts threads.
#pragma once

#include <mutex>

#include "base/descriptor.h"
#include "target/store/disk_queue.h"

namespace aoe::target {

class BackgroundQueue : public DiskQueue {
 public:
  ~BackgroundQueue() override;

  void start(Operation& operation) final { started_.push_back(operation); }
  void submit() final;
  int descriptor() const final { return event_.get(); }
  void reap() final;
  void wait() final;

 protected:
  explicit BackgroundQueue(std::string_view name);

  /// Takes the operations and gives them to the threads. On the serving thread.
  virtual void hand_over(OperationList& operations) = 0;
  /// Takes operations that have ended, with what the kernel `returned`. Called by the threads, in any
  /// order, once for each operation. The queue may be gone as soon as this returns for the last one.
  void give_back(OperationList& ended);
  /// Gives operations back with EAGAIN, because no thread is to be had.
  void refuse(OperationList& operations);

 private:
  Descriptor event_;  // an eventfd: readable while ended_ has some
  OperationList started_;
  std::size_t in_flight_ = 0;  // handed over, and done() not called yet
  OperationList reaped_;

  std::mutex mutex_;  // of what follows
  OperationList ended_;
};

}  // namespace aoe::target
