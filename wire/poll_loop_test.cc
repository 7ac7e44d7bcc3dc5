#include "wire/poll_loop.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <thread>

namespace aoe {
namespace {

/// A descriptor that is readable while it is set.
class Flag {
 public:
  Flag() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  Flag(const Flag&) = delete;
  Flag& operator=(const Flag&) = delete;
  ~Flag() { close(descriptor_); }
  int descriptor() const { return descriptor_; }
  void set() { eventfd_write(descriptor_, 1); }
  void clear() {
    eventfd_t ignored = 0;
    eventfd_read(descriptor_, &ignored);
  }

 private:
  int descriptor_;
};

class PollLoopTest : public ::testing::TestWithParam<PollLoop::Idle> {
 protected:
  PollLoop loop{GetParam()};
  Flag a;
  Flag b;
  std::string story;
};

INSTANTIATE_TEST_SUITE_P(Idle, PollLoopTest,
                         ::testing::Values(PollLoop::Idle::sleep, PollLoop::Idle::linger,
                                           PollLoop::Idle::spin),
                         [](const auto& idle) {
                           switch (idle.param) {
                             case PollLoop::Idle::sleep: return "Sleep";
                             case PollLoop::Idle::linger: return "Linger";
                             case PollLoop::Idle::spin: break;
                           }
                           return "Spin";
                         });

TEST_P(PollLoopTest, CallsWhileReadable) {
  int calls = 0;
  a.set();
  loop.watch(a.descriptor(), [&] {
    if (++calls == 3) a.clear(), loop.stop();
  });
  loop.run();
  EXPECT_EQ(calls, 3);
}

TEST_P(PollLoopTest, ReadableOnesTakeTurns) {
  for (Flag* flag : {&a, &b}) flag->set();
  loop.watch(a.descriptor(), [&] { story += 'a'; });
  loop.watch(b.descriptor(), [&] {
    story += 'b';
    if (story.size() >= 10) loop.stop();
  });
  loop.run();
  EXPECT_GE(std::ranges::count(story, 'a'), 4);
  EXPECT_GE(std::ranges::count(story, 'b'), 4);
}

TEST_P(PollLoopTest, UnwatchHoldsAtOnceWhoeverCallsIt) {
  for (Flag* flag : {&a, &b}) flag->set();
  const auto end_both = [&](char name) {
    story += name;
    loop.unwatch(a.descriptor());
    loop.unwatch(b.descriptor());
    loop.stop();
  };
  loop.watch(a.descriptor(), [&] { end_both('a'); });
  loop.watch(b.descriptor(), [&] { end_both('b'); });
  loop.run();
  EXPECT_EQ(story.size(), 1U);
}

TEST_P(PollLoopTest, DescriptorMayBeWatchedAgain) {
  a.set();
  loop.watch(a.descriptor(), [&] {
    loop.unwatch(a.descriptor());
    loop.watch(a.descriptor(), [&] { loop.stop(); });
  });
  loop.run();
}

TEST_P(PollLoopTest, TasksRunInOrderAndMayPostMore) {
  loop.post([&] {
    story += '1';
    loop.post([&] {
      story += '3';
      loop.stop();
    });
  });
  loop.post([&] { story += '2'; });
  loop.run();
  EXPECT_EQ(story, "123");
}

TEST_P(PollLoopTest, OtherThreadsPostAndStop) {
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) loop.post([&] { story += '.'; });
    loop.stop();
  });
  loop.run();
  other.join();
  EXPECT_EQ(story.size(), 1000U);
}

}  // namespace
}  // namespace aoe
