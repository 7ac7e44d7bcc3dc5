#include "target/store/guarded_copy.h"

#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

/// A mapping of two pages over a file of one: its second page faults.
class GuardedCopyTest : public ::testing::Test {
 protected:
  GuardedCopyTest() : page(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) {
    const int file = ::memfd_create("guarded_copy_test", MFD_CLOEXEC);
    EXPECT_EQ(::ftruncate(file, static_cast<off_t>(page)), 0);
    void* const memory = ::mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    EXPECT_NE(memory, MAP_FAILED);
    ::close(file);
    mapping = {static_cast<std::uint8_t*>(memory), 2 * page};
  }
  ~GuardedCopyTest() override { ::munmap(mapping.data(), mapping.size()); }

  MutableBytes good(std::size_t size) const { return mapping.first(size); }
  MutableBytes bad(std::size_t size) const { return mapping.subspan(page, size); }

  std::size_t page;
  MutableBytes mapping;
};

TEST_F(GuardedCopyTest, CopiesBothWays) {
  const auto data = pattern(512, 1);
  EXPECT_TRUE(guarded_copy(data, good(512), mapping));
  std::vector<std::uint8_t> back(512);
  EXPECT_TRUE(guarded_copy(good(512), back, mapping));
  EXPECT_EQ(back, data);
}

TEST_F(GuardedCopyTest, FaultEndsTheCopyAgainAndAgain) {
  std::vector<std::uint8_t> data(512);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(guarded_copy(bad(512), data, mapping));
    EXPECT_FALSE(guarded_copy(data, bad(512), mapping));
    EXPECT_TRUE(guarded_copy(good(512), data, mapping));
  }
}

TEST_F(GuardedCopyTest, FaultInTheMiddleOfACopyIsSeen) {
  std::vector<std::uint8_t> data(1024);
  EXPECT_FALSE(guarded_copy(mapping.subspan(page - 512, 1024), data, mapping));
}

TEST_F(GuardedCopyTest, NothingToCopySucceeds) {
  EXPECT_TRUE(guarded_copy({}, {}, mapping));
}

TEST_F(GuardedCopyTest, ThreadsFaultIndependently) {
  const auto copy_many = [this](Bytes from, bool expected) {
    std::vector<std::uint8_t> data(from.size());
    for (int i = 0; i < 2000; ++i) {
      if (guarded_copy(from, data, mapping) != expected) return false;
    }
    return true;
  };
  bool faulting = false;
  std::thread thread([&] { faulting = copy_many(bad(512), false); });
  EXPECT_TRUE(copy_many(good(512), true));
  thread.join();
  EXPECT_TRUE(faulting);
}

using GuardedCopyDeathTest = GuardedCopyTest;

TEST_F(GuardedCopyDeathTest, FaultOutsideACopyEndsTheProcess) {
  std::vector<std::uint8_t> data(512);
  EXPECT_DEATH(
      {
        guarded_copy(good(512), data, mapping);
        *const_cast<volatile std::uint8_t*>(bad(1).data()) = 1;
      },
      "");
}

TEST_F(GuardedCopyDeathTest, FaultInOtherMemoryDuringACopyEndsTheProcess) {
  std::vector<std::uint8_t> data(512);
  EXPECT_DEATH(guarded_copy(bad(512), data, good(page)), "");
}

TEST_F(GuardedCopyDeathTest, SignalThatIsNoFaultEndsTheProcess) {
  std::vector<std::uint8_t> data(512);
  EXPECT_DEATH(
      {
        guarded_copy(good(512), data, mapping);
        ::raise(SIGBUS);
      },
      "");
}

}  // namespace
}  // namespace aoe::target
