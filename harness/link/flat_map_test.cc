#include "harness/link/flat_map.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

/// Brings keys together that differ.
struct PoorHash {
  std::size_t operator()(std::uint32_t key) const { return key / 8; }
};

TEST(FlatMap, FindsWhatWasPutAndNothingElse) {
  FlatMap<std::uint32_t, int, PoorHash> map;
  map.put(1, 10);
  map.put(2, 20);
  map.put(1, 11);
  EXPECT_EQ(*map.find(1), 11);
  EXPECT_EQ(*map.find(2), 20);
  EXPECT_EQ(map.find(3), nullptr);
  EXPECT_EQ(map.size(), 2U);
  map.erase(1);
  map.erase(7);
  EXPECT_EQ(map.find(1), nullptr);
  EXPECT_EQ(*map.find(2), 20);
  EXPECT_EQ(map.size(), 1U);
}

TEST(FlatMap, DoesWhatAMapDoesWhateverCollides) {
  FlatMap<std::uint32_t, int, PoorHash> map;
  std::map<std::uint32_t, int> model;
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const auto key = static_cast<std::uint32_t>(random() % 500);
    if (random() % 2 == 0) {
      map.put(key, i);
      model[key] = i;
    } else {
      map.erase(key);
      model.erase(key);
    }
    ASSERT_EQ(map.size(), model.size());
  }
  for (std::uint32_t key = 0; key < 500; ++key) {
    const auto expected = model.find(key);
    const int* const found = map.find(key);
    ASSERT_EQ(found != nullptr, expected != model.end()) << key;
    if (found != nullptr) {
      EXPECT_EQ(*found, expected->second);
    }
  }
}

}  // namespace
}  // namespace aoe::harness
