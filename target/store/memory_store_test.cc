#include "target/store/memory_store.h"

#include <sys/mman.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/size.h"
#include "target/testing/test_operation.h"
#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

TEST(MemoryStore, HoldsWhatWasWritten) {
  MemoryStore store(4096);
  EXPECT_EQ(store.size(), 4096U);
  const auto data = pattern(1024, 3);
  EXPECT_FALSE(write_to(store, 512, data));
  EXPECT_FALSE(flush(store));
  EXPECT_EQ(read_from(store, 512, 1024), data);
  EXPECT_EQ(read_from(store, 0, 512), std::vector<std::uint8_t>(512));
  EXPECT_EQ(read_from(store, 1536, 2560), std::vector<std::uint8_t>(2560));
}

TEST(MemoryStore, ShowsItsContents) {
  MemoryStore store(512);
  store.bytes()[511] = 9;
  EXPECT_EQ(read_from(store, 0, 512).value().back(), 9);
}

TEST(MemoryStore, FlushAndWaitIsOverAtOnce) {
  MemoryStore store(512);
  EXPECT_FALSE(flush_and_wait(store));
}

TEST(MemoryStore, TrimZerosSectorsAndGivesPagesBack) {
  constexpr std::size_t size = 1 << 20;
  MemoryStore store(size);
  auto expected = pattern(size, 1);
  EXPECT_FALSE(write_to(store, 0, expected));
  const auto resident = [&] {
    std::vector<unsigned char> pages(size / 4096);
    EXPECT_EQ(::mincore(store.bytes().data(), size, pages.data()), 0);
    return std::ranges::count_if(pages, [](auto page) { return (page & 1) != 0; });
  };
  EXPECT_EQ(resident(), 256);
  EXPECT_FALSE(trim(store, {{1, 2}, {63, 162}, {225, 1}, {9, 0}}));
  std::fill_n(expected.begin() + 512, 1024, std::uint8_t{0});
  std::fill_n(expected.begin() + 63 * 512, 163 * 512, std::uint8_t{0});
  EXPECT_EQ(resident(), 256 - 20);
  EXPECT_EQ(read_from(store, 0, size), expected);
}

TEST(MemoryStore, TakesNoMemoryUntilItIsWritten) {
  auto store = MemoryStore::open("1TiB");
  ASSERT_TRUE(store) << store.error();
  EXPECT_EQ((*store)->size(), std::uint64_t{1} << 40);
  EXPECT_FALSE(write_to(**store, (std::uint64_t{1} << 40) - 512, pattern(512, 1)));
}

TEST(MemoryStore, SizesAsPeopleWriteThem) {
  const auto size = [](std::string_view text) {
    const auto store = MemoryStore::open(text);
    return store ? std::to_string((*store)->size()) : store.error();
  };
  EXPECT_EQ(size("512"), "512");
  EXPECT_EQ(size("1KiB"), "1024");
  EXPECT_EQ(size("64MiB"), "67108864");
  EXPECT_EQ(size("2G"), "2147483648");
  EXPECT_EQ(size("3K"), "3072");
  EXPECT_EQ(size("0"), "memory:0: smaller than one sector");
  EXPECT_EQ(size("100"), "memory:100: not a whole number of sectors");
  for (const char* text : {"", "x", "-5", "5x", "5KB", "5iB", "5KM", "5 K", "99999999999T"}) {
    EXPECT_EQ(size(text), fmt::format("memory:{}: not a size such as {}", text, size_examples));
  }
  EXPECT_EQ(size("900000TiB"), "memory:900000TiB: Cannot allocate memory");
}

TEST(MemoryStoreDeathTest, OperationBeyondItsEndIsABug) {
  MemoryStore store(512);
  EXPECT_DEATH(read_from(store, 512, 512), "invariant broken");
  EXPECT_DEATH(read_from(store, ~std::uint64_t{0}, 512), "invariant broken");
}

}  // namespace
}  // namespace aoe::target
