// A disk queue that does one operation in each wait(). A test can look at it first, and answer in
// its place.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "target/store/disk_queue.h"

namespace aoe::target {

class TestDiskQueue final : public DiskQueue {
 public:
  /// Returns the kernel's answer to an operation; it is really done where this returns nothing.
  std::function<std::optional<int>(const Operation& request)> answer;

  bool is_idle() const { return waiting_.empty(); }

  void start(Operation& request) override { waiting_.push_back(&request); }
  void submit() override {}
  int descriptor() const override { return -1; }
  void reap() override {}
  void wait() override {
    if (waiting_.empty()) return disk_->wait();  // for the rest of one that was done in part
    Operation& request = *waiting_.front();
    waiting_.pop_front();
    if (const auto result = answer ? answer(request) : std::nullopt)
      return finish(request, *result);
    disk_->start(request);
    disk_->wait();
  }

 private:
  std::unique_ptr<DiskQueue> disk_ = make_thread_queue();
  std::deque<Operation*> waiting_;
};

}  // namespace aoe::target
