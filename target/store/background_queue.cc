#include "target/store/background_queue.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <cerrno>

#include "base/check.h"

namespace aoe::target {

BackgroundQueue::BackgroundQueue(std::string_view name)
    : DiskQueue(name), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  AOE_CHECK(event_.get() >= 0);
}

BackgroundQueue::~BackgroundQueue() {
  AOE_CHECK(started_.empty() && in_flight_ == 0);
}

void BackgroundQueue::submit() {
  if (started_.empty()) return;
  in_flight_ += started_.size();
  hand_over(started_);
}

void BackgroundQueue::give_back(OperationList& ended) {
  if (ended.empty()) return;
  const std::lock_guard guard(mutex_);
  if (ended_.empty()) ::eventfd_write(event_.get(), 1);
  ended_.splice(ended_.end(), ended);
}

void BackgroundQueue::refuse(OperationList& operations) {
  for (Operation& operation : operations) operation.returned = -EAGAIN;
  give_back(operations);
}

void BackgroundQueue::reap() {
  {
    const std::lock_guard guard(mutex_);
    reaped_.splice(reaped_.end(), ended_);
    eventfd_t count = 0;
    ::eventfd_read(event_.get(), &count);
  }
  // One by one: a thread that is in the middle of done() may not come back (see Handover).
  while (!reaped_.empty()) {
    Operation& operation = reaped_.front();
    reaped_.pop_front();
    --in_flight_;
    finish(operation, operation.returned);
  }
  submit();
}

void BackgroundQueue::wait() {
  submit();
  AOE_CHECK(in_flight_ > 0);
  pollfd ended{event_.get(), POLLIN, 0};
  while (::poll(&ended, 1, -1) < 0) AOE_CHECK(errno == EINTR);
  reap();
}

}  // namespace aoe::target
