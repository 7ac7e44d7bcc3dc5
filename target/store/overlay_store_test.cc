#include "target/store/overlay_store.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/descriptor.h"
#include "base/fnv.h"
#include "base/testing/test_folder.h"
#include "target/testing/test_disk_queue.h"
#include "target/testing/test_operation.h"
#include "target/testing/test_overlay.h"
#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

using Kind = Operation::Kind;
using Data = std::vector<std::uint8_t>;

constexpr std::size_t block = OverlayStore::block_size;
/// 40 blocks, the last of them of one sector.
constexpr std::size_t size = 39 * block + 512;
constexpr std::uint64_t data_at = 4 * block;  // of so small an image

/// golden.img, and a delta over it. Reopening with another boot id is a crash of the machine of
/// which all of the page cache reached the disk but the stable bitmap alone can know that.
class OverlayStoreTest : public ::testing::Test {
 protected:
  explicit OverlayStoreTest(TestFolder::Where where = TestFolder::Where::memory)
      : folder(where), expected(pattern(size, 7)) {
    folder.make_image(expected, "golden.img");
  }

  tl::expected<std::unique_ptr<OverlayStore>, std::string> try_open(ByteRange range = {0, size}) {
    auto base = File::open(folder.path("golden.img"), {.use = FileUse::read});
    auto delta = File::open(folder.path("client3.cow"), {.use = FileUse::sole, .create = true});
    if (!base) return tl::unexpected(base.error());
    if (!delta) return tl::unexpected(delta.error());
    return open_overlay_over(*std::move(base), range, *std::move(delta), queue, handover, boot);
  }
  void open(ByteRange range = {0, size}) {
    store.reset();
    auto opened = try_open(range);
    ASSERT_TRUE(opened) << opened.error();
    store = *std::move(opened);
  }
  void reboot() {
    boot += "'";
    open();
  }
  std::string refusal(ByteRange range = {0, size}) {
    store.reset();
    const auto opened = try_open(range);
    return opened ? "opened" : folder.shorten(opened.error());
  }
  /// Writes, and expects to read it again.
  void write(std::size_t offset, const Data& data) {
    EXPECT_FALSE(write_to(*store, offset, data));
    std::ranges::copy(data, expected.begin() + static_cast<std::ptrdiff_t>(offset));
  }
  void poke(std::uint64_t offset, std::uint8_t byte) const {
    std::fstream file(folder.path("client3.cow"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte));
  }
  /// Makes the delta one of another version, with the hash of the header that every version has.
  void set_version(std::uint8_t version) const {
    poke(8, version);
    const std::uint64_t hash = fnv1a(Bytes(folder.contents("client3.cow")).first(48));
    for (std::size_t i = 0; i < 8; ++i) poke(48 + i, static_cast<std::uint8_t>(hash >> 8 * i));
  }
  void touch_base() const {
    const auto base = folder.path("golden.img");
    std::filesystem::last_write_time(
        base, std::filesystem::last_write_time(base) + std::chrono::seconds(1));
  }
  Data contents() { return read_from(*store, 0, size).value_or(Data{}); }

  TestFolder folder;
  TestDiskQueue queue;
  Handover handover;
  std::string boot = "first boot";
  Data expected;
  std::unique_ptr<OverlayStore> store;
};

TEST_F(OverlayStoreTest, ReadsTheBaseUntilSomethingIsWritten) {
  open();
  EXPECT_EQ(store->size(), size);
  EXPECT_EQ(contents(), expected);
  write(3 * block, pattern(block, 1));
  write(5 * block + 512, pattern(512, 2));
  write(7 * block + 1024, pattern(3 * block, 3));
  write(size - 512, pattern(512, 4));
  write(5 * block + 1024, pattern(512, 5));
  EXPECT_EQ(contents(), expected);
  EXPECT_EQ(read_from(*store, 5 * block + 512, 512), pattern(512, 2));
  EXPECT_EQ(folder.contents("golden.img"), pattern(size, 7));
}

TEST_F(OverlayStoreTest, RandomOperationsAgreeWithAnArray) {
  open();
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    const std::size_t sectors = size / 512;
    const std::size_t first = random() % sectors;
    const std::size_t count = 1 + random() % std::min<std::size_t>(20, sectors - first);
    if (random() % 3 == 0) {
      write(first * 512, pattern(count * 512, static_cast<std::uint8_t>(random())));
    } else {
      const auto begin = expected.begin() + static_cast<std::ptrdiff_t>(first * 512);
      const Data part(begin, begin + static_cast<std::ptrdiff_t>(count * 512));
      ASSERT_EQ(read_from(*store, first * 512, count * 512), part);
    }
    if (i % 100 == 50) {
      EXPECT_FALSE(flush(*store));
    }
    if (i % 200 == 99) open();
    if (i % 200 == 199) {
      EXPECT_FALSE(flush(*store));
      reboot();
    }
  }
  EXPECT_EQ(contents(), expected);
}

/// Both files are on a disk, and evicted from memory now and then.
class EvictedOverlayTest : public OverlayStoreTest {
 protected:
  EvictedOverlayTest() : OverlayStoreTest(TestFolder::Where::disk) {}

  /// Opens the store again, because what it has mapped stays in memory.
  void evict() {
    open();
    for (const char* const name : {"golden.img", "client3.cow"}) {
      const Descriptor file(::open(folder.path(name).c_str(), O_RDWR | O_CLOEXEC));
      EXPECT_EQ(::fsync(file.get()), 0);
      EXPECT_EQ(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
    }
  }
};

TEST_F(EvictedOverlayTest, WhatIsNotInMemoryIsFetchedForReadsAndWrites) {
  evict();
  const Data data(512);
  TestOperation operation;
  operation.kind = Kind::write;
  operation.offset = 512;
  operation.from = data;
  if (store->try_now(operation)) GTEST_SKIP() << "this file system keeps all files in memory";
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    if (i % 4 == 0) evict();
    const std::size_t sectors = size / 512;
    const std::size_t first = random() % sectors;
    const std::size_t count = 1 + random() % std::min<std::size_t>(20, sectors - first);
    if (random() % 2 == 0) {
      write(first * 512, pattern(count * 512, static_cast<std::uint8_t>(random())));
    } else {
      const auto begin = expected.begin() + static_cast<std::ptrdiff_t>(first * 512);
      const Data part(begin, begin + static_cast<std::ptrdiff_t>(count * 512));
      ASSERT_EQ(read_from(*store, first * 512, count * 512), part);
    }
  }
  EXPECT_EQ(contents(), expected);
}

TEST_F(OverlayStoreTest, ProcessThatEndsLosesNothing) {
  open();
  write(0, pattern(block, 1));
  write(9 * block + 512, pattern(512, 1));
  open();
  EXPECT_EQ(contents(), expected);
}

TEST_F(OverlayStoreTest, MachineThatCrashesLosesNothingThatWasFlushed) {
  open();
  write(0, pattern(block, 1));
  EXPECT_FALSE(flush(*store));
  const Data flushed = expected;
  write(block, pattern(block, 2));
  reboot();
  EXPECT_EQ(contents(), flushed) << "block 1 is not known to be whole, so the base is read";
  open();
  EXPECT_EQ(contents(), flushed);
}

TEST_F(OverlayStoreTest, AfterACrashTheFirstWriteIntoABlockCopiesTheBaseAgain) {
  open();
  write(2 * block, pattern(block, 2));
  reboot();
  expected = pattern(size, 7);
  write(2 * block + 512, pattern(512, 3));
  EXPECT_EQ(contents(), expected);
}

TEST_F(OverlayStoreTest, WhatAnEarlierProcessWroteIsFlushedToo) {
  open();
  write(0, pattern(block, 1));
  open();
  EXPECT_FALSE(flush(*store));
  reboot();
  EXPECT_EQ(contents(), expected);
}

TEST_F(OverlayStoreTest, WithoutABootIdOnlyTheStableBitmapIsBelieved) {
  boot.clear();
  open();
  write(0, pattern(block, 1));
  EXPECT_FALSE(flush(*store));
  const Data flushed = expected;
  write(block, pattern(block, 1));
  open();
  EXPECT_EQ(contents(), flushed);
}

TEST_F(OverlayStoreTest, FlushMakesDataStableThenItsBitsThenThose) {
  open();
  write(0, pattern(block, 1));
  std::vector<std::string> steps;
  queue.answer = [&](const Operation& request) {
    steps.push_back(request.kind == Operation::Kind::flush
                        ? "sync"
                        : fmt::format("write {} at {}", request.from.size(), request.offset));
    return std::nullopt;
  };
  EXPECT_FALSE(flush(*store));
  EXPECT_EQ(steps, (std::vector<std::string>{"sync", "write 4096 at 12288", "sync"}));
  steps.clear();
  write(0, pattern(block, 2));
  EXPECT_FALSE(flush(*store));
  EXPECT_EQ(steps, std::vector<std::string>{"sync"}) << "no new block";
}

TEST_F(OverlayStoreTest, WriteDuringAFlushIsNotCountedAsStable) {
  open();
  write(0, pattern(block, 1));
  const Data before = expected;
  int requests = 0;
  queue.answer = [&](const Operation&) -> std::optional<int> {
    if (++requests == 2) write(block, pattern(block, 2));  // between the sync and the bits
    return std::nullopt;
  };
  EXPECT_FALSE(flush(*store));
  EXPECT_EQ(contents(), expected);
  const auto saved = folder.contents("client3.cow");
  EXPECT_FALSE(flush(*store));
  reboot();
  EXPECT_EQ(contents(), expected) << "the second flush has covered it";
  store.reset();
  folder.make_image(saved, "client3.cow");
  reboot();
  EXPECT_EQ(contents(), before) << "the first has not";
}

TEST_F(OverlayStoreTest, FailureOfEveryStepOfAFlushIsToldAndNeverForgotten) {
  for (int failing = 1; failing <= 3; ++failing) {
    open();
    write(static_cast<std::size_t>(failing) * block, pattern(block, 1));
    int requests = 0;
    queue.answer = [&](const Operation&) {
      return ++requests == failing ? std::optional(-EIO) : std::nullopt;
    };
    EXPECT_EQ(flush(*store), std::errc::io_error) << failing;
    EXPECT_EQ(flush(*store), std::errc::io_error) << failing;
    EXPECT_EQ(contents(), expected) << "reads go on";
  }
}

TEST_F(OverlayStoreTest, ShortWriteOfBitsIsContinued) {
  open();
  write(0, pattern(block, 1));
  std::vector<std::uint64_t> offsets;
  queue.answer = [&](const Operation& request) -> std::optional<int> {
    if (request.kind != Operation::Kind::write) return std::nullopt;
    offsets.push_back(request.offset);
    return offsets.size() == 1 ? std::optional(1000) : std::nullopt;
  };
  EXPECT_FALSE(flush(*store));
  EXPECT_EQ(offsets, (std::vector<std::uint64_t>{3 * block, 3 * block + 1000}));
  store.reset();
  queue.answer = [&](const Operation& request) -> std::optional<int> {
    return request.kind == Operation::Kind::write ? std::optional(0) : std::nullopt;
  };
  open();
  write(block, pattern(block, 1));
  EXPECT_EQ(flush(*store), std::errc::io_error) << "a write that moves nothing";
}

TEST_F(OverlayStoreTest, WholeBlocksThatAreTrimmedReadAsZeros) {
  open();
  ASSERT_TRUE(store->traits().can_trim);
  EXPECT_FALSE(store->traits().trimmed_reads_zero);
  EXPECT_EQ(store->traits().physical_sector_size, 512U);
  write(2 * block, pattern(2 * block, 1));
  EXPECT_FALSE(trim(*store, {{15, 34}, {312, 1}, {1, 3}, {100, 0}}));
  std::fill_n(expected.begin() + 2 * block, 4 * block, std::uint8_t{0});
  std::fill_n(expected.begin() + 39 * block, 512, std::uint8_t{0});
  EXPECT_EQ(contents(), expected);
  write(4 * block + 512, pattern(512, 1));
  EXPECT_FALSE(flush(*store));
  reboot();
  EXPECT_EQ(contents(), expected);
}

TEST_F(OverlayStoreTest, TrimOfABlockThatIsNotInTheDeltaLeavesNothingOfItsFormerData) {
  open();
  write(2 * block, pattern(block, 9));
  reboot();  // the data is there, and the bit is not
  EXPECT_FALSE(trim(*store, {{16, 8}}));
  EXPECT_EQ(read_from(*store, 2 * block, block), Data(block));
}

TEST_F(OverlayStoreTest, TrimThatFailsChangesNothing) {
  open();
  queue.answer = [](const Operation&) { return -EIO; };
  EXPECT_EQ(trim(*store, {{0, 8}}), std::errc::io_error);
  queue.answer = {};
  EXPECT_EQ(contents(), expected);
}

TEST_F(OverlayStoreTest, ServesAPartOfTheBase) {
  const ByteRange part{512 * 3, 10 * block};
  open(part);
  EXPECT_EQ(store->traits().physical_sector_size, 4096U);
  EXPECT_EQ(read_from(*store, 512, 512), Data(expected.begin() + 2048, expected.begin() + 2560));
  EXPECT_FALSE(write_to(*store, 512, pattern(512, 1)));
  EXPECT_EQ(read_from(*store, 0, 512), Data(expected.begin() + 1536, expected.begin() + 2048));
  EXPECT_EQ(read_from(*store, 512, 512), pattern(512, 1));
  EXPECT_EQ(refusal(), "client3.cow: made over another part of golden.img");
  EXPECT_EQ(refusal({512 * 4, 10 * block}), "client3.cow: made over another part of golden.img");
}

TEST_F(OverlayStoreTest, RefusesAnotherBase) {
  open();
  store.reset();
  std::filesystem::resize_file(folder.path("golden.img"), size + 512);
  EXPECT_EQ(refusal(), "client3.cow: made over another golden.img (it has changed since)");
  std::filesystem::resize_file(folder.path("golden.img"), size);
  EXPECT_EQ(refusal(), "opened");
  Data other = expected;
  other[size - 1] ^= 1;
  folder.make_image(other, "golden.img");
  touch_base();
  EXPECT_EQ(refusal(), "client3.cow: made over another golden.img (it has changed since)");
}

TEST_F(OverlayStoreTest, NoticesABaseThatChangesWhileItIsServed) {
  open();
  EXPECT_EQ(store->trouble(), "");
  touch_base();
  EXPECT_EQ(folder.shorten(store->trouble()), "golden.img has changed under client3.cow");
}

TEST_F(OverlayStoreTest, TakesACopyOfTheBase) {
  open();
  write(block, pattern(block, 1));
  store.reset();
  std::filesystem::remove(folder.path("golden.img"));
  folder.make_image(pattern(size, 7), "golden.img");
  touch_base();
  open();
  EXPECT_EQ(contents(), expected);
}

TEST_F(OverlayStoreTest, KnowsALargeBaseByBlocksAllOverIt) {
  constexpr std::size_t blocks = 1000;
  Data large = pattern(blocks * block, 7);
  folder.make_image(large, "golden.img");
  const ByteRange all{0, large.size()};
  EXPECT_EQ(refusal(all), "opened");
  for (const std::size_t changed : {std::size_t{0}, blocks - 1}) {
    large[changed * block] ^= 1;
    folder.make_image(large, "golden.img");
    touch_base();
    EXPECT_EQ(refusal(all), "client3.cow: made over another golden.img (it has changed since)");
    large[changed * block] ^= 1;
  }
  folder.make_image(large, "golden.img");
  touch_base();
  EXPECT_EQ(refusal(all), "opened");
}

TEST_F(OverlayStoreTest, OfVersion1NeedsTheSameTime) {
  open();
  write(block, pattern(block, 1));
  store.reset();
  set_version(1);
  for (std::size_t byte = 56; byte < 72; ++byte) poke(byte, 0);
  open();
  EXPECT_EQ(contents(), expected);
  touch_base();
  EXPECT_EQ(refusal(), "client3.cow: made over another golden.img (it has changed since)");
}

TEST_F(OverlayStoreTest, RefusesWhatIsNoOverlay) {
  for (const std::size_t length : {1, 4095, 4096, 100'000}) {
    folder.make_image(length, "client3.cow");
    EXPECT_EQ(refusal(), "client3.cow: not an overlay") << length;
  }
}

TEST_F(OverlayStoreTest, RefusesADamagedHeader) {
  open();
  for (std::size_t byte = 8; byte < 72; ++byte) {
    store.reset();
    const Data sound = folder.contents("client3.cow");
    poke(byte, static_cast<std::uint8_t>(~sound[byte]));
    EXPECT_EQ(refusal(), "client3.cow: its header is damaged") << byte;
    poke(byte, sound[byte]);
  }
  EXPECT_EQ(refusal(), "opened");
}

TEST_F(OverlayStoreTest, RefusesAnotherVersion) {
  open();
  store.reset();
  set_version(4);
  EXPECT_EQ(refusal(), "client3.cow: an overlay of version 4; this program knows versions 1 to 3");
}

TEST_F(OverlayStoreTest, RefusesWhatWasCutOff) {
  open();
  write(0, pattern(block, 1));
  store.reset();
  const auto end = std::filesystem::file_size(folder.path("client3.cow"));
  EXPECT_EQ(end, data_at + 40 * block);
  for (const std::uint64_t length :
       {end - 1, data_at + 1, data_at, std::uint64_t{8192}, std::uint64_t{5000}}) {
    std::filesystem::resize_file(folder.path("client3.cow"), length);
    EXPECT_EQ(refusal(), "client3.cow: shorter than its header says") << length;
  }
}

TEST_F(OverlayStoreTest, MakingThatWasInterruptedIsFinished) {
  for (const std::uint64_t length : {std::uint64_t{block}, data_at}) {
    store.reset();
    std::filesystem::remove(folder.path("client3.cow"));
    open();
    store.reset();
    std::filesystem::resize_file(folder.path("client3.cow"), length);
    open();
    write(0, pattern(block, 1));
    EXPECT_EQ(contents(), expected);
    expected = pattern(size, 7);
  }
}

TEST_F(OverlayStoreTest, DeltaThatIsCutOffWhileItServesFailsItsFlushes) {
  open();
  write(0, pattern(block, 1));
  std::filesystem::resize_file(folder.path("client3.cow"), data_at);
  EXPECT_EQ(flush(*store), std::errc::io_error);
  EXPECT_EQ(write_to(*store, 0, pattern(512, 1)), std::errc::io_error);
  EXPECT_EQ(read_from(*store, 0, 512), std::nullopt);
  EXPECT_EQ(read_from(*store, block, block),
            Data(expected.begin() + block, expected.begin() + 2 * block));
}

TEST_F(OverlayStoreTest, BootIdIsTheKernels) {
  EXPECT_EQ(boot_id().size(), 36U);
  EXPECT_EQ(boot_id(), boot_id());
}

}  // namespace
}  // namespace aoe::target
