#include "target/store/disk_queue.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "base/descriptor.h"
#include "base/testing/test_folder.h"
#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

class Request final : public Operation {
 public:
  void done(std::error_code answer) override {
    EXPECT_FALSE(result.has_value()) << "done() twice";
    result = answer.value();
    if (then != nullptr) queue->start(*then);
  }

  std::optional<int> result;  // an errno; 0 is success
  DiskQueue* queue = nullptr;
  Request* then = nullptr;  // started when this one is done
};

struct QueueKind {
  const char* name;
  std::unique_ptr<DiskQueue> (*make)();
};

class DiskQueueTest : public ::testing::TestWithParam<QueueKind> {
 protected:
  void SetUp() override {
    queue = GetParam().make();
    if (!queue) GTEST_SKIP() << "the kernel refuses io_uring";
    file = Descriptor(::open(folder.make_image(file_size).c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_GE(file.get(), 0);
  }

  Request request(Operation::Kind kind, std::uint64_t offset = 0) const {
    Request made;
    made.kind = kind;
    made.descriptor = file.get();
    made.offset = offset;
    return made;
  }
  Request read(std::uint64_t offset, MutableBytes into) const {
    Request made = request(Operation::Kind::read, offset);
    made.into = into;
    return made;
  }
  Request write(std::uint64_t offset, Bytes from) const {
    Request made = request(Operation::Kind::write, offset);
    made.from = from;
    return made;
  }
  int run(Request request) const {
    queue->start(request);
    while (!request.result) queue->wait();
    return *request.result;
  }
  bool is_readable(int timeout) const {
    pollfd poll{queue->descriptor(), POLLIN, 0};
    return ::poll(&poll, 1, timeout) == 1;
  }

  static constexpr std::size_t file_size = 64 << 10;
  TestFolder folder;
  std::unique_ptr<DiskQueue> queue;
  Descriptor file;
};

TEST_P(DiskQueueTest, SaysWhatItIs) {
  EXPECT_EQ(queue->name(), GetParam().name);
}

TEST_P(DiskQueueTest, WritesReadsSyncsAndPunches) {
  const auto data = pattern(8192, 1);
  EXPECT_EQ(run(write(4096, data)), 0);
  EXPECT_EQ(run(request(Operation::Kind::flush)), 0);
  std::vector<std::uint8_t> back(8192);
  EXPECT_EQ(run(read(4096, back)), 0);
  EXPECT_EQ(back, data);
  Request punch = request(Operation::Kind::trim, 8192);
  punch.length = file_size;
  EXPECT_EQ(run(punch), 0);
  EXPECT_EQ(run(read(4096, back)), 0);
  EXPECT_TRUE(std::equal(back.begin(), back.begin() + 4096, data.begin()));
  EXPECT_TRUE(std::all_of(back.begin() + 4096, back.end(), [](auto byte) { return byte == 0; }));
  EXPECT_EQ(folder.contents().size(), file_size) << "a hole at the end does not change the size";
}

TEST_P(DiskQueueTest, TransferThatTheFileEndsBeforeIsAnError) {
  std::vector<std::uint8_t> back(4096);
  EXPECT_EQ(run(read(file_size - 100, back)), EIO);
  EXPECT_EQ(run(read(file_size, back)), EIO);
}

TEST_P(DiskQueueTest, PassesOnErrors) {
  std::vector<std::uint8_t> back(512);
  file = Descriptor(::open(folder.path().c_str(), O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(run(read(0, back)), EBADF);
  Request punch = request(Operation::Kind::trim);
  EXPECT_EQ(run(punch), EINVAL) << "a hole of no length";
  file = Descriptor(::open(folder.path().c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(run(write(0, back)), EBADF);
  file = Descriptor(::open("/dev/full", O_RDWR | O_CLOEXEC));
  EXPECT_EQ(run(write(0, back)), ENOSPC);
  EXPECT_EQ(run(request(Operation::Kind::flush)), EINVAL);
}

TEST_P(DiskQueueTest, DescriptorTellsThatSomethingIsDone) {
  EXPECT_FALSE(is_readable(0));
  std::vector<std::uint8_t> back(512);
  Request one = read(0, back);
  queue->start(one);
  queue->submit();
  EXPECT_TRUE(is_readable(10'000));
  EXPECT_FALSE(one.result) << "only reap() says so";
  queue->reap();
  EXPECT_EQ(one.result, 0);
  EXPECT_FALSE(is_readable(0));
  queue->reap();
}

TEST_P(DiskQueueTest, TakesMoreThanTheKernelDoes) {
  constexpr std::size_t count = 2000;
  std::vector<std::vector<std::uint8_t>> buffers(count, std::vector<std::uint8_t>(512));
  std::deque<Request> requests;
  for (std::size_t i = 0; i < count; ++i) {
    requests.push_back(read(i % 100 * 512, buffers[i]));
    queue->start(requests.back());
  }
  queue->submit();
  const auto is_done = [](const Request& one) { return one.result == 0; };
  while (!std::ranges::all_of(requests, is_done)) {
    ASSERT_TRUE(is_readable(10'000));
    queue->reap();
  }
}

TEST_P(DiskQueueTest, WhatDoneStartsIsOnItsWay) {
  const auto data = pattern(512, 3);
  std::vector<std::uint8_t> back(512);
  Request second = read(0, back);
  Request first = write(0, data);
  first.queue = queue.get();
  first.then = &second;
  queue->start(first);
  queue->submit();
  while (!second.result) {
    ASSERT_TRUE(is_readable(10'000));
    queue->reap();
  }
  EXPECT_EQ(back, data);
}

struct Unwound {};

/// Unwinds the thread in the middle of its first done(), as a thread is that another took over from.
class UnwoundRequest final : public Operation {
 public:
  UnwoundRequest(DiskQueue& its_queue, Request& its_next) : queue(its_queue), next(its_next) {}
  void done(std::error_code error) override {
    if (++calls == 1) throw Unwound{};
    EXPECT_FALSE(error);
    queue.start(next);
  }

  DiskQueue& queue;
  Request& next;
  int calls = 0;
};

TEST_P(DiskQueueTest, DoneThatWasUnwoundIsMadeAgainAndMayStartMore) {
  std::vector<std::uint8_t> back(512);
  Request next = read(0, back);
  UnwoundRequest first(*queue, next);
  first.kind = Operation::Kind::flush;
  first.descriptor = file.get();
  Request beside = read(512, back);
  queue->start(first);
  queue->start(beside);
  queue->submit();
  std::optional<DiskQueue::Delivery> interrupted;
  while (!interrupted || !beside.result) {
    try {
      queue->wait();
    } catch (const Unwound&) {
      interrupted = queue->take_interrupted();
      ASSERT_TRUE(interrupted);
      queue->reap();  // what ended along with it
    }
  }
  EXPECT_EQ(beside.result, 0);
  EXPECT_EQ(first.calls, 1);
  queue->deliver(*interrupted);
  queue->submit();
  EXPECT_EQ(first.calls, 2);
  while (!next.result) queue->wait();
  EXPECT_EQ(next.result, 0);
}

TEST_P(DiskQueueTest, WaitReturnsWithSomethingDone) {
  std::vector<std::uint8_t> back(512);
  Request one = read(0, back);
  Request two = request(Operation::Kind::flush);
  queue->start(one);
  queue->start(two);
  queue->wait();
  EXPECT_TRUE(one.result || two.result);
  while (!one.result || !two.result) queue->wait();
}

INSTANTIATE_TEST_SUITE_P(Every, DiskQueueTest,
                         ::testing::Values(QueueKind{"io_uring", make_ring_queue},
                                           QueueKind{"threads", make_thread_queue}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(MakeDiskQueue, PrefersTheRing) {
  EXPECT_EQ(make_disk_queue()->name(), make_ring_queue() ? "io_uring" : "threads");
}

}  // namespace
}  // namespace aoe::target
