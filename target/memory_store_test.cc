#include "target/memory_store.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "target/test_operation.h"
#include "target/test_words.h"

namespace aoe::target {
namespace {

TEST(MemoryStore, HoldsWhatWasWritten) {
  MemoryStore store(4096);
  EXPECT_EQ(store.size(), 4096U);
  EXPECT_TRUE(store.is_immediate(StoreOperation::Kind::flush));
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

TEST(MemoryStoreDeathTest, OperationBeyondItsEndIsABug) {
  MemoryStore store(512);
  EXPECT_DEATH(read_from(store, 512, 512), "invariant broken");
  EXPECT_DEATH(read_from(store, ~std::uint64_t{0}, 512), "invariant broken");
}

}  // namespace
}  // namespace aoe::target
