#include "target/store/mapped_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/descriptor.h"
#include "base/testing/test_folder.h"
#include "target/testing/test_disk_queue.h"
#include "target/testing/test_operation.h"
#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

using Kind = Operation::Kind;

class MappedStoreTest : public ::testing::Test {
 protected:
  /// Over the image, whole or in part.
  std::unique_ptr<MappedStore> open(FileUse use = FileUse::write, ByteRange range = {}) {
    auto file = File::open(folder.path(), {.use = use});
    EXPECT_TRUE(file) << file.error();
    if (range.length == 0) range.length = file->size() / 512 * 512;
    auto store = MappedStore::open(*std::move(file), range, queue, handover);
    EXPECT_TRUE(store) << store.error();
    return store ? *std::move(store) : nullptr;
  }
  /// Has the next `count` requests answer `result`.
  void answer(int result, int count) {
    queue.answer = [=, left = count](const Operation&) mutable {
      return left-- > 0 ? std::optional(result) : std::nullopt;
    };
  }

  TestFolder folder;
  TestDiskQueue queue;
  Handover handover;
};

TEST_F(MappedStoreTest, WritesReachTheFileAndReadsSeeThem) {
  folder.make_image(8192);
  const auto store = open();
  EXPECT_EQ(store->size(), 8192U);
  const auto data = pattern(1024, 5);
  EXPECT_FALSE(write_to(*store, 3584, data));
  EXPECT_EQ(read_from(*store, 3584, 1024), data);
  EXPECT_FALSE(flush(*store));
  const auto bytes = folder.contents();
  EXPECT_EQ(std::vector(bytes.begin() + 3584, bytes.begin() + 4608), data);
  EXPECT_EQ(bytes[3583], 0);
  EXPECT_EQ(bytes[4608], 0);
}

/// A store over an image that is on its disk, but not in memory.
class EvictedStoreTest : public MappedStoreTest {
 protected:
  static constexpr std::size_t size = 1 << 20;

  void SetUp() override {
    data = pattern(size, 3);
    folder.make_image(data);
    const Descriptor file(::open(folder.path().c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(::fsync(file.get()), 0);
    ASSERT_EQ(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
    store = open();
    AlignedBuffer buffer(512);
    TestOperation read;
    read.into = buffer.bytes();
    if (store->try_now(read)) GTEST_SKIP() << "this file system keeps all files in memory";
  }

  std::vector<std::uint8_t> data;
  std::unique_ptr<MappedStore> store;
};

TEST_F(EvictedStoreTest, ReadsThatWouldWaitGoThroughTheQueueAndTheNextIsDoneAtOnce) {
  EXPECT_FALSE(store->view(8192, 1024).has_value());
  EXPECT_EQ(read_from(*store, 8192, 1024),
            std::vector(data.begin() + 8192, data.begin() + 8192 + 1024));
  EXPECT_TRUE(std::ranges::equal(store->view(8192, 1024).value_or(Bytes{}),
                                 Bytes(data).subspan(8192, 1024)));
}

TEST_F(EvictedStoreTest, WritesThatWouldWaitGoThroughTheQueueAndReadsSeeThem) {
  const auto written = pattern(1024, 9);
  TestOperation write;
  write.kind = Kind::write;
  write.offset = 300 << 10;
  write.from = written;
  EXPECT_FALSE(store->try_now(write));
  store->start(write);
  EXPECT_FALSE(write.result);
  store->wait();
  ASSERT_TRUE(write.result);
  EXPECT_FALSE(*write.result);
  EXPECT_EQ(read_from(*store, 300 << 10, 1024), written);
}

TEST_F(MappedStoreTest, LastSectorIsReachable) {
  folder.make_image(4096 + 512);
  const auto store = open();
  const auto data = pattern(512, 5);
  EXPECT_FALSE(write_to(*store, 4096, data));
  EXPECT_EQ(read_from(*store, 4096, 512), data);
  EXPECT_EQ(folder.contents().size(), 4608U);
}

TEST_F(MappedStoreTest, ServesAPartThatNeedNotBeginWithAPage) {
  folder.make_image(pattern(16384, 9));
  const auto before = folder.contents();
  const auto store = open(FileUse::write, {512 * 9, 1024});
  EXPECT_EQ(store->size(), 1024U);
  EXPECT_EQ(read_from(*store, 512, 512),
            std::vector(before.begin() + 512 * 10, before.begin() + 512 * 11));
  const auto data = pattern(512, 1);
  EXPECT_FALSE(write_to(*store, 512, data));
  EXPECT_FALSE(trim(*store, {{0, 1}}));
  auto expected = before;
  std::ranges::fill_n(expected.begin() + 512 * 9, 512, std::uint8_t{0});
  std::ranges::copy(data, expected.begin() + 512 * 10);
  EXPECT_EQ(folder.contents(), expected);
  EXPECT_EQ(store->traits().physical_sector_size, 512U);
}

TEST_F(MappedStoreTest, ReadOnlyStoreReadsAndLetsNothingBeTrimmed) {
  const auto data = pattern(1024, 1);
  folder.make_image(data);
  const auto store = open(FileUse::read);
  EXPECT_FALSE(store->traits().can_trim);
  EXPECT_FALSE(trim(*store, {{0, 1}}));
  EXPECT_EQ(read_from(*store, 0, 1024), data);
  EXPECT_FALSE(flush(*store));
}

TEST_F(MappedStoreTest, TrimmedSectorsReadAsZeros) {
  folder.make_image(pattern(65536, 1));
  const auto store = open();
  ASSERT_TRUE(store->traits().can_trim) << "of a file system without holes";
  EXPECT_TRUE(store->traits().trimmed_reads_zero);
  auto expected = *read_from(*store, 0, 65536);
  EXPECT_FALSE(trim(*store, {{1, 30}, {31, 2}, {5, 0}, {100, 1}}));
  std::ranges::fill_n(expected.begin() + 512, 32 * 512, std::uint8_t{0});
  std::ranges::fill_n(expected.begin() + 51200, 512, std::uint8_t{0});
  EXPECT_EQ(read_from(*store, 0, 65536), expected);
  EXPECT_EQ(folder.contents(), expected);
}

TEST_F(MappedStoreTest, TrimsFollowOneAnotherAndAFailureIsTheFailedOnesAlone) {
  folder.make_image(65536);
  const auto store = open();
  answer(-EIO, 1);
  const std::vector<std::uint8_t> list{0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0, 0, 1, 0};
  TestOperation one;
  TestOperation two;
  for (TestOperation* const operation : {&one, &two}) {
    operation->kind = Kind::trim;
    operation->from = list;
    store->start(*operation);
  }
  store->wait();
  EXPECT_EQ(one.result, std::errc::io_error);
  EXPECT_FALSE(two.result);
  while (!two.result) store->wait();
  EXPECT_EQ(two.result, std::error_code{});
}

TEST_F(MappedStoreTest, TruncatedFileFailsOperationsAndTheProcessGoesOn) {
  folder.make_image(1 << 20);
  const auto store = open();
  const auto data = pattern(1024, 5);
  EXPECT_FALSE(write_to(*store, 0, data));
  std::filesystem::resize_file(folder.path(), 4096);
  EXPECT_EQ(read_from(*store, 512 << 10, 512), std::nullopt);
  EXPECT_EQ(write_to(*store, 512 << 10, data), std::errc::io_error);
  EXPECT_EQ(read_from(*store, 3584, 1024), std::nullopt) << "half of it is there";
  EXPECT_EQ(read_from(*store, 0, 1024), data);
  EXPECT_EQ(std::filesystem::file_size(folder.path()), 4096U)
      << "a failed write does not grow it again";
}

TEST_F(MappedStoreTest, FlushOfATruncatedFileFails) {
  folder.make_image(1 << 20);
  const auto store = open();
  std::filesystem::resize_file(folder.path(), (1 << 20) - 1);
  EXPECT_EQ(flush(*store), std::errc::io_error);
}

TEST_F(MappedStoreTest, FailedFlushIsNeverForgotten) {
  folder.make_image(512);
  const auto store = open();
  answer(-EIO, 1);
  EXPECT_EQ(flush(*store), std::errc::io_error);
  EXPECT_EQ(flush(*store), std::errc::io_error) << "what was lost is still lost";
}

TEST_F(MappedStoreTest, FlushNeverTrustsARoundThatBeganBeforeIt) {
  folder.make_image(512);
  const auto store = open();
  TestOperation first;
  TestOperation second;
  TestOperation third;
  for (TestOperation* const operation : {&first, &second, &third}) {
    operation->kind = Kind::flush;
    store->start(*operation);
  }
  store->wait();
  EXPECT_TRUE(first.result);
  EXPECT_FALSE(second.result || third.result);
  answer(-ENOSPC, 1);
  store->wait();
  EXPECT_EQ(second.result, std::errc::no_space_on_device);
  EXPECT_EQ(third.result, std::errc::no_space_on_device) << "they share a round";
  EXPECT_TRUE(queue.is_idle());
}

TEST_F(MappedStoreTest, FlushThatWaitsForAFailedRoundFailsToo) {
  folder.make_image(512);
  const auto store = open();
  answer(-EIO, 1);
  TestOperation first;
  TestOperation second;
  for (TestOperation* const operation : {&first, &second}) {
    operation->kind = Kind::flush;
    store->start(*operation);
  }
  store->wait();
  EXPECT_EQ(first.result, std::errc::io_error);
  EXPECT_EQ(second.result, std::errc::io_error);
  EXPECT_TRUE(queue.is_idle());
}

TEST_F(MappedStoreTest, FileThatCannotBeMappedIsNamed) {
  folder.make_image(512);
  auto file = File::open(folder.path(), {});
  const auto store =
      MappedStore::open(*std::move(file), {0, std::uint64_t{1} << 60}, queue, handover);
  ASSERT_FALSE(store);
  EXPECT_EQ(folder.shorten(store.error()),
            "disk.img: mapping it into memory: Cannot allocate memory");
}

}  // namespace
}  // namespace aoe::target
