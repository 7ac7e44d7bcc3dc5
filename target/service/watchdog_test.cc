#include "target/service/watchdog.h"

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace aoe::target {
namespace {

using namespace std::chrono_literals;

TEST(Watchdog, TellsOnceOfAWaitAndNothingOfSleepOrWork) {
  PollLoop waiting;
  PollLoop working;
  PollLoop idle;
  std::promise<std::string> told;
  std::atomic<int> count = 0;
  std::atomic<bool> is_told = false;
  const auto report = [&](const std::string& line) {
    if (count++ == 0) told.set_value(line);
  };
  std::thread first([&] { waiting.run(); });
  std::thread second([&] { working.run(); });
  std::thread third([&] { idle.run(); });
  {
    const Watchdog watchdog({&waiting, &working, &idle}, 40ms, report);
    working.post([&] {
      while (!is_told) continue;
    });
    waiting.post([&] { EXPECT_EQ(told.get_future().wait_for(30s), std::future_status::ready); });
    std::promise<void> done;
    waiting.post([&] { done.set_value(); });
    done.get_future().wait();
    is_told = true;
  }
  for (PollLoop* const loop : {&waiting, &working, &idle}) loop->stop();
  first.join();
  second.join();
  third.join();
  EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace aoe::target
