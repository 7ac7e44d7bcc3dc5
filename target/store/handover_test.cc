#include "target/store/handover.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <future>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/descriptor.h"

namespace aoe::target {
namespace {

/// Serves tasks that the test posts, one by one.
class HandoverTest : public ::testing::Test {
 protected:
  HandoverTest() {
    handover.start({[this] { serve(); },
                    [this](Handover::Loan loan) {
                      const std::lock_guard lock(guard);
                      taken_over.push_back(loan);
                    },
                    [this](Handover::Loan loan) {
                      const std::lock_guard lock(guard);
                      returned.push_back(loan);
                      changed.notify_all();
                    }});
  }
  ~HandoverTest() override {
    if (handover.has_started()) end();
  }

  void post(std::function<void()> task) {
    const std::lock_guard lock(guard);
    tasks.push_back(std::move(task));
    changed.notify_all();
  }
  /// Returns the thread on which a task is done that is posted now.
  std::thread::id serving_thread() {
    std::promise<std::thread::id> answer;
    post([&] { answer.set_value(std::this_thread::get_id()); });
    return answer.get_future().get();
  }
  void end() {
    post([this] { is_over = true; });
    EXPECT_TRUE(handover.wait_until_served(long_time));
    EXPECT_TRUE(handover.end(long_time));
  }
  void serve() {
    std::unique_lock lock(guard);
    while (!is_over) {
      changed.wait(lock, [this] { return !tasks.empty(); });
      const auto task = std::move(tasks.front());
      tasks.erase(tasks.begin());
      lock.unlock();
      task();
      lock.lock();
    }
  }

  static constexpr std::chrono::seconds long_time{60};

  std::mutex guard;
  std::condition_variable changed;
  std::vector<std::function<void()>> tasks;
  std::vector<Handover::Loan> taken_over;
  std::vector<Handover::Loan> returned;
  bool is_over = false;
  Handover handover;
};

/// A disk that lets its readers wait until open().
class Gate {
 public:
  void pass() const {
    eventfd_t count = 0;
    EXPECT_EQ(::eventfd_read(event_.get(), &count), 0);
  }
  void open() const { ::eventfd_write(event_.get(), 1); }

 private:
  Descriptor event_{::eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE)};
};

TEST(HandoverAlone, WithoutThreadsWorkIsJustDone) {
  Handover handover;
  int done = 0;
  handover.lend(7, [&] { ++done; });
  EXPECT_EQ(done, 1);
}

TEST_F(HandoverTest, WorkThatDoesNotWaitStaysOnItsThread) {
  const auto thread = serving_thread();
  for (int i = 0; i < 10'000; ++i) post([this] { handover.lend(7, [] {}); });
  EXPECT_EQ(serving_thread(), thread);
  EXPECT_TRUE(taken_over.empty());
}

TEST_F(HandoverTest, AnotherThreadServesWhileOneWaitsAndTheWaitIsReported) {
  const Gate disk;
  const auto first = serving_thread();
  bool has_come_back = false;
  post([&] {
    handover.lend(7, [&] { disk.pass(); });
    has_come_back = true;
  });
  EXPECT_NE(serving_thread(), first);
  EXPECT_EQ(taken_over.size(), 1U);
  EXPECT_TRUE(returned.empty());
  disk.open();
  std::unique_lock lock(guard);
  EXPECT_TRUE(changed.wait_for(lock, long_time, [this] { return !returned.empty(); }));
  EXPECT_EQ(returned, taken_over);
  EXPECT_FALSE(has_come_back) << "the caller was unwound";
}

TEST_F(HandoverTest, DiskIsStuckUntilTheEndOfItsWaitIsTold) {
  const Gate disk;
  const auto stuck = [this] {
    std::promise<std::vector<bool>> answer;
    post([&] { answer.set_value({handover.is_stuck(7), handover.is_stuck(8)}); });
    return answer.get_future().get();
  };
  EXPECT_EQ(stuck(), (std::vector<bool>{false, false}));
  post([&] { handover.lend(7, [&] { disk.pass(); }); });
  EXPECT_EQ(stuck(), (std::vector<bool>{true, false}));
  disk.open();
  std::unique_lock lock(guard);
  EXPECT_TRUE(changed.wait_for(lock, long_time, [this] { return !returned.empty(); }));
  lock.unlock();
  post([this] { handover.end_wait(returned.front()); });
  EXPECT_EQ(stuck(), (std::vector<bool>{false, false}));
}

TEST_F(HandoverTest, ManyWaitsAtATimeLeaveOneThatServesAndThreadsAreUsedAgain) {
  constexpr std::size_t waits = 8;
  const Gate disk;
  std::set<std::thread::id> threads;
  for (std::size_t round = 1; round <= 3; ++round) {
    for (std::size_t i = 0; i < waits; ++i) {
      post([&] { handover.lend(7, [&] { disk.pass(); }); });
      threads.insert(serving_thread());
    }
    for (std::size_t i = 0; i < waits; ++i) disk.open();
    std::unique_lock lock(guard);
    EXPECT_TRUE(
        changed.wait_for(lock, long_time, [&] { return returned.size() == round * waits; }));
  }
  EXPECT_LE(threads.size(), waits + 2);
  EXPECT_EQ(std::set(taken_over.begin(), taken_over.end()),
            std::set(returned.begin(), returned.end()));
}

TEST_F(HandoverTest, TheEndDoesNotWaitForADiskThatNeverAnswers) {
  const Gate disk;
  post([&] { handover.lend(7, [&] { disk.pass(); }); });
  serving_thread();
  post([this] { is_over = true; });
  EXPECT_TRUE(handover.wait_until_served(long_time));
  EXPECT_FALSE(handover.end(std::chrono::milliseconds(1)));
  disk.open();
  EXPECT_TRUE(handover.end(long_time));
}

}  // namespace
}  // namespace aoe::target
