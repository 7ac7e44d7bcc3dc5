#include "base/memory_reserve.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace aoe {
namespace {

/// What operator new does when there is no memory.
void run_short() {
  std::get_new_handler()();
}

TEST(MemoryReserve, IsGivenBackOnceAndTakenAnew) {
  MemoryReserve reserve(1 << 20);
  EXPECT_TRUE(reserve.renew());
  EXPECT_NO_THROW(run_short());
  EXPECT_THROW(run_short(), std::bad_alloc);
  EXPECT_TRUE(reserve.renew());
  EXPECT_NO_THROW(run_short());
}

TEST(MemoryReserve, LeavesTheHandlerThatWasThereBefore) {
  const std::new_handler former = std::get_new_handler();
  { const MemoryReserve reserve(4096); }
  EXPECT_EQ(std::get_new_handler(), former);
}

/// In a process of its own, whose memory is limited.
[[noreturn]] void allocate_beyond_the_limit() {
  MemoryReserve reserve(64 << 20);
  rlimit limit{};
  ::getrlimit(RLIMIT_AS, &limit);
  rlim_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  limit.rlim_cur = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));  // no more than there is
  ::setrlimit(RLIMIT_AS, &limit);
  std::vector<std::unique_ptr<std::vector<char>>> taken;
  const auto take = [&] { taken.push_back(std::make_unique<std::vector<char>>(8 << 20)); };
  int count = 0;
  try {
    for (; count < 100; ++count) take();
  } catch (const std::bad_alloc&) {
  }
  taken.clear();
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_AS, &limit);
  const bool is_anew = reserve.renew();
  std::_Exit(count > 0 && count < 100 && is_anew ? 0 : 1);
}

TEST(MemoryReserve, LetsAllocationsSucceedThatWouldFail) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer's operator new calls no handler";
#endif
  EXPECT_EXIT(allocate_beyond_the_limit(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace aoe
