#include "target/store/file_store.h"

#include <cerrno>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/testing/test_folder.h"
#include "target/testing/test_disk_queue.h"
#include "target/testing/test_loop_device.h"
#include "target/testing/test_operation.h"
#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

using Kind = Operation::Kind;

/// The same store by every way to a file: which queue, buffered or direct, plain or O_DSYNC.
struct Way {
  const char* name;
  std::unique_ptr<DiskQueue> (*make_queue)();
  bool direct;
  bool sync;
};

class FileStoreTest : public ::testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    queue = GetParam().make_queue();
    if (!queue) GTEST_SKIP() << "the kernel refuses io_uring";
    folder.make_image(pattern(size, 7));
    before = folder.contents();
  }
  void open(const std::string& path, ByteRange range = {0, size}) {
    auto file = File::open(path, {.direct = GetParam().direct, .sync = GetParam().sync});
    if (!file && file.error().ends_with("use io: buffered")) GTEST_SKIP() << file.error();
    ASSERT_TRUE(file) << file.error();
    store = std::make_unique<FileStore>(*std::move(file), range, *queue);
  }

  static constexpr std::size_t size = 256 << 10;
  TestFolder folder;
  std::vector<std::uint8_t> before;
  std::unique_ptr<DiskQueue> queue;
  std::unique_ptr<FileStore> store;
};

#define OPEN_OR_SKIP(...) \
  open(__VA_ARGS__);      \
  if (!store) return

TEST_P(FileStoreTest, WritesReadsAndFlushes) {
  OPEN_OR_SKIP(folder.path());
  EXPECT_EQ(store->size(), size);
  const auto data = pattern(8192, 1);
  EXPECT_FALSE(write_to(*store, 512, data));
  EXPECT_EQ(read_from(*store, 512, 8192), data);
  EXPECT_FALSE(flush(*store));
  std::ranges::copy(data, before.begin() + 512);
  EXPECT_EQ(folder.contents(), before);
}

TEST_P(FileStoreTest, ServesAPart) {
  OPEN_OR_SKIP(folder.path(), {512 * 3, 4096});
  EXPECT_EQ(store->size(), 4096U);
  EXPECT_EQ(store->traits().physical_sector_size, 512U);
  EXPECT_EQ(read_from(*store, 3584, 512),
            std::vector(before.begin() + 5120, before.begin() + 5632));
  EXPECT_FALSE(write_to(*store, 0, pattern(512, 1)));
  EXPECT_FALSE(trim(*store, {{1, 7}}));
  std::ranges::copy(pattern(512, 1), before.begin() + 1536);
  std::ranges::fill_n(before.begin() + 2048, 3584, std::uint8_t{0});
  EXPECT_EQ(folder.contents(), before);
}

TEST_P(FileStoreTest, ManyOperationsAtOnce) {
  OPEN_OR_SKIP(folder.path());
  constexpr std::size_t count = 128;
  const AlignedBuffer data(count * 4096);
  std::vector<TestOperation> writes(count / 2);
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const auto bytes = data.bytes().subspan(i * 4096, 4096);
    std::ranges::fill(bytes, static_cast<std::uint8_t>(i));
    writes[i].kind = Kind::write;
    writes[i].offset = i * 4096;
    writes[i].from = bytes;
    store->start(writes[i]);
  }
  store->submit();
  const auto is_done = [](const TestOperation& one) { return one.result == std::error_code{}; };
  while (!std::ranges::all_of(writes, is_done)) store->wait();
  for (std::size_t i = 0; i < writes.size(); ++i) {
    EXPECT_EQ(read_from(*store, i * 4096, 512),
              std::vector<std::uint8_t>(512, static_cast<std::uint8_t>(i)));
  }
}

TEST_P(FileStoreTest, TruncatedFileIsAnErrorAndNeverStaleMemory) {
  OPEN_OR_SKIP(folder.path());
  std::filesystem::resize_file(folder.path(), 5000);
  EXPECT_EQ(read_from(*store, 8192, 4096), std::nullopt);
  EXPECT_EQ(read_from(*store, 4096, 4096), std::nullopt) << "904 bytes of it are there";
  EXPECT_EQ(read_from(*store, 0, 4096), std::vector(before.begin(), before.begin() + 4096));
  EXPECT_EQ(flush(*store), std::errc::io_error);
  std::filesystem::resize_file(folder.path(), size);
  EXPECT_EQ(flush(*store), std::errc::io_error) << "what was lost is still lost";
}

TEST_P(FileStoreTest, WhatIsCutOffOnPurposeIsNotLost) {
  constexpr std::uint64_t start = 4096;
  OPEN_OR_SKIP(folder.path(), {start, size - start});
  std::filesystem::resize_file(folder.path(), start + 8192);
  store->cut(8192 + 512);
  store->cut(8192);
  EXPECT_FALSE(flush(*store));
  EXPECT_EQ(write_to(*store, 8192, pattern(512, 1)), std::errc::io_error);
  std::filesystem::resize_file(folder.path(), start + 8192 - 512);
  EXPECT_EQ(flush(*store), std::errc::io_error) << "more is gone than was cut off";
}

TEST_P(FileStoreTest, BlockDevice) {
  const TestLoopDevice device(folder.path());
  if (device.path().empty()) GTEST_SKIP() << "no loop device";
  OPEN_OR_SKIP(device.path());
  const auto data = pattern(4096, 1);
  EXPECT_FALSE(write_to(*store, 1024, data));
  EXPECT_EQ(read_from(*store, 1024, 4096), data);
  EXPECT_EQ(read_from(*store, size - 512, 512), std::vector(before.end() - 512, before.end()));
  std::ranges::copy(data, before.begin() + 1024);
  if (store->traits().can_trim) {
    EXPECT_FALSE(trim(*store, {{128, 65}}));
    std::ranges::fill_n(before.begin() + 65536, 65 * 512, std::uint8_t{0});
    EXPECT_EQ(read_from(*store, 65536, 65 * 512), std::vector<std::uint8_t>(65 * 512));
  }
  EXPECT_FALSE(flush(*store));
  EXPECT_EQ(folder.contents(), before);
}

INSTANTIATE_TEST_SUITE_P(Every, FileStoreTest,
                         ::testing::Values(Way{"buffered_io_uring", make_ring_queue, false, false},
                                           Way{"buffered_threads", make_thread_queue, false, false},
                                           Way{"direct_io_uring", make_ring_queue, true, false},
                                           Way{"direct_threads", make_thread_queue, true, false},
                                           Way{"sync_io_uring", make_ring_queue, true, true}),
                         [](const auto& info) { return std::string(info.param.name); });

// What the kernel does rarely.

class ShortTransferTest : public ::testing::Test {
 protected:
  ShortTransferTest() {
    auto file = File::open(folder.make_image(pattern(8192, 7)), {});
    EXPECT_TRUE(file);
    store = std::make_unique<FileStore>(*std::move(file), ByteRange{0, 8192}, queue);
  }

  TestFolder folder;
  TestDiskQueue queue;
  std::unique_ptr<FileStore> store;
};

TEST_F(ShortTransferTest, IsContinuedWhereItStopped) {
  std::vector<std::pair<std::uint64_t, std::size_t>> asked;
  queue.answer = [&](const Operation& request) -> std::optional<int> {
    asked.emplace_back(request.offset, request.from.size());
    return asked.size() < 3 ? std::optional(1000) : std::nullopt;
  };
  EXPECT_FALSE(write_to(*store, 1024, pattern(4096, 1)));
  EXPECT_EQ(asked, (decltype(asked){{1024, 4096}, {2024, 3096}, {3024, 2096}}));
}

TEST_F(ShortTransferTest, ReadThatGivesNothingMoreFails) {
  queue.answer = [](const Operation& request) { return request.into.size() == 4096 ? 512 : 0; };
  EXPECT_EQ(read_from(*store, 0, 4096), std::nullopt);
}

TEST_F(ShortTransferTest, ErrorOfTheRestIsTheErrorOfAll) {
  queue.answer = [](const Operation& request) {
    return request.from.size() == 4096 ? 512 : -ENOSPC;
  };
  EXPECT_EQ(write_to(*store, 0, pattern(4096, 1)), std::errc::no_space_on_device);
}

TEST_F(ShortTransferTest, PulledDiskIsGone) {
  queue.answer = [](const Operation&) { return -ENODEV; };
  EXPECT_TRUE(is_gone(write_to(*store, 0, pattern(512, 1))));
}

}  // namespace
}  // namespace aoe::target
