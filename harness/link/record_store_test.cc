#include "harness/link/record_store.h"

#include <array>
#include <cstdint>

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

struct Page {
  std::array<std::uint64_t, 512> words;
};

constexpr std::size_t per_chunk = RecordStore<Page>::per_chunk;

Page page(std::uint64_t value) {
  Page page{};
  page.words = {value, value + 1};
  return page;
}

void fill(RecordStore<Page>& store, std::size_t count) {
  for (std::uint64_t i = 0; i < count; ++i) store.add(page(i));
}

TEST(RecordStore, RecordsStayWhereTheyAreAndWhatTheyAre) {
  RecordStore<Page> store;
  const Page& first = store.add(page(7));
  for (std::uint64_t i = 1; i < 3 * per_chunk; ++i) store.add(page(i));
  EXPECT_EQ(&first, &store[0]);
  EXPECT_EQ(first.words[0], 7U);
  EXPECT_EQ(store[2 * per_chunk + 3].words[1], 2 * per_chunk + 4);
  EXPECT_EQ(store.size(), 3 * per_chunk);
}

TEST(RecordStore, WhatIsOldRestsInTheFileAndComesBack) {
  const Folder folder;
  RecordStore<Page> store(folder.path());
  constexpr std::size_t old = ChunkStore::chunks_kept * per_chunk + 5;
  constexpr std::size_t count = (ChunkStore::chunks_kept + 6) * per_chunk;
  fill(store, count);
  store[old].words[0] = 99;
  EXPECT_EQ(store[old].words[0], 99U);
  EXPECT_EQ(store[old].words[1], old + 1);
  std::uint64_t wrong = 0;
  std::uint64_t expected = 0;
  store.for_each([&](const Page& page) { wrong += page.words[1] != ++expected; });
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(expected, count);
  EXPECT_EQ(store[old].words[0], 99U);
}

TEST(RecordStore, MemoryStaysFlat) {
  const Folder folder;
  RecordStore<Page> store(folder.path());
  const std::size_t before = resident_bytes();
  fill(store, (ChunkStore::chunks_kept + 16) * per_chunk);
  const auto kept_at_most = [&] {
    return before + (ChunkStore::chunks_kept + 4) * ChunkStore::chunk_size;
  };
  EXPECT_LT(resident_bytes(), kept_at_most());
  std::uint64_t sum = 0;
  store.for_each([&](const Page& page) { sum += page.words[0]; });
  EXPECT_LT(resident_bytes(), kept_at_most());
  EXPECT_EQ(sum, store.size() * (store.size() - 1) / 2);
}

TEST(RecordStore, WithoutAFolderForItAllStaysInMemory) {
  RecordStore<Page> store("/nowhere");
  constexpr std::size_t last = (ChunkStore::chunks_kept + 2) * per_chunk;
  fill(store, last + 1);
  EXPECT_EQ(store[last].words[0], last);
}

}  // namespace
}  // namespace aoe::harness
