// A store that has no memory for an operation refuses it or ends it with an error, once: whichever
// allocation fails, of the serving thread or of one that works for it.
#include <fcntl.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <new>
#include <vector>

#include <gtest/gtest.h>

#include "base/descriptor.h"
#include "base/testing/counted_new.h"
#include "base/testing/test_folder.h"
#include "target/store/open_store.h"
#include "target/testing/test_operation.h"
#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

constexpr std::size_t sector = 512;
constexpr std::size_t size = 64 * 1024;

struct Kind {
  const char* name;
  IoMode io;
  bool overlay;
  std::unique_ptr<DiskQueue> (*make_queue)();
};

class StoreAllocation : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (!GetParam().make_queue()) GTEST_SKIP() << "the kernel refuses io_uring";
  }

  /// Has some of each operation done, past what try_now() could do.
  void start_all(Store& store) {
    operations[0].kind = operations[1].kind = Operation::Kind::write;
    operations[0].from = operations[1].from = data;
    operations[0].offset = 3 * sector;          // a part of two blocks
    operations[1].offset = size - data.size();  // whole blocks
    operations[2].kind = operations[3].kind = Operation::Kind::flush;
    operations[4].kind = Operation::Kind::trim;
    operations[4].from = trimmed;
    operations[5].kind = Operation::Kind::read;
    operations[5].into = buffer.bytes();
    operations[5].offset = sector;
    for (TestOperation& operation : operations) {
      try {
        store.start(operation);
      } catch (const std::bad_alloc&) {
        operation.result = error_of(ENOMEM);
      }
    }
    store.submit();
    for (const TestOperation& operation : operations) {
      while (!operation.result) store.wait();
    }
  }

  TestFolder folder{TestFolder::Where::memory};
  const std::vector<std::uint8_t> data = pattern(8192, 1);
  const std::vector<std::uint8_t> trimmed{32, 0, 0, 0, 0, 0, 16, 0};  // LBA 32, 16 sectors
  AlignedBuffer buffer{4096};
  std::array<TestOperation, 6> operations;
};

TEST_P(StoreAllocation, ThatFailsFailsItsOperationAndNothingElse) {
  StoreDefinition wanted;
  wanted.path = folder.make_image(size);
  wanted.io = GetParam().io;
  wanted.create = true;
  std::size_t failed_runs = 0;
  for (std::size_t calls = 0;; ++calls) {
    if (GetParam().overlay) wanted.overlay = folder.path(std::to_string(calls) + ".cow");
    const auto queue = GetParam().make_queue();
    Handover handover;
    const auto opened = open_store(wanted, *queue, handover);
    ASSERT_TRUE(opened.has_value()) << opened.error();
    Store& store = *opened->store;
    operations = {};

    fail_allocation_after(calls);
    start_all(store);
    const bool has_come_to_it = !fail_no_allocation();

    bool has_failed = false;
    for (const TestOperation& operation : operations) {
      const std::error_code result = *operation.result;
      EXPECT_TRUE(!result || result == error_of(ENOMEM) || result == error_of(EAGAIN)) << result;
      has_failed |= static_cast<bool>(result);
    }
    failed_runs += has_failed ? 1 : 0;
    const auto later = pattern(4096, 2);
    EXPECT_FALSE(write_to(store, 5 * sector, later));
    EXPECT_FALSE(flush(store));
    EXPECT_EQ(read_from(store, 5 * sector, later.size()), later);
    if (!has_come_to_it) break;
  }
  EXPECT_GT(failed_runs, 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, StoreAllocation,
    ::testing::Values(Kind{"MappedByRing", IoMode::mapped, false, make_ring_queue},
                      Kind{"BufferedByRing", IoMode::buffered, false, make_ring_queue},
                      Kind{"BufferedByThreads", IoMode::buffered, false, make_thread_queue},
                      Kind{"OverlayByRing", IoMode::mapped, true, make_ring_queue},
                      Kind{"OverlayByThreads", IoMode::mapped, true, make_thread_queue}),
    [](const auto& kind) { return kind.param.name; });

// The record of an operation is used again. Where memory was lacking after the sync of a flush, the next
// flush by the same record syncs its file again: here one that can't be synced.
TEST(RingAllocation, AFlushThatFailedHalfwayDoesNotShortenTheNext) {
  const auto queue = make_ring_queue();
  if (!queue) GTEST_SKIP() << "the kernel refuses io_uring";
  TestFolder folder{TestFolder::Where::memory};
  const Descriptor file(::open(folder.make_image(size).c_str(), O_RDWR | O_CLOEXEC));
  const Descriptor unsyncable(::eventfd(0, EFD_CLOEXEC));
  const auto run = [&queue](TestOperation& operation) {
    operation.result.reset();
    queue->start(operation);
    queue->submit();
    while (!operation.result) queue->wait();
    return *operation.result;
  };
  TestOperation flush;
  flush.kind = Operation::Kind::flush;
  flush.length = size;
  flush.descriptor = file.get();
  ASSERT_FALSE(run(flush));  // what the queue needs once is there
  std::size_t failed = 0;
  for (bool has_come_to_it = true; has_come_to_it; ++failed) {
    flush.descriptor = file.get();
    fail_allocation_after(failed);
    const std::error_code result = run(flush);
    has_come_to_it = !fail_no_allocation();
    EXPECT_EQ(result, has_come_to_it ? error_of(EAGAIN) : std::error_code());
    flush.descriptor = unsyncable.get();
    EXPECT_EQ(run(flush), error_of(EINVAL)) << failed;
  }
  EXPECT_GT(failed, 2U);
}

}  // namespace
}  // namespace aoe::target
