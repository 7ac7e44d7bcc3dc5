#include "initiator/engine/pool.h"

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

struct Element {
  int value = 0;
  ListLink link;
};

TEST(Pool, APlaceIsUsedAgain) {
  Pool<Element> pool;
  const Index first = pool.take();
  const Index second = pool.take();
  pool[second].value = 2;
  pool.release(first);
  EXPECT_FALSE(pool.is_used(first));
  EXPECT_EQ(pool.take(), first);
  EXPECT_TRUE(pool.is_used(first));
  EXPECT_EQ(pool[second].value, 2);
  EXPECT_EQ(pool.end(), 2U);
}

TEST(Pool, ReferencesStayValid) {
  Pool<Element> pool;
  Element& first = pool[pool.take()];
  for (int i = 0; i < 10'000; ++i) pool.take();
  EXPECT_EQ(&first, &pool[0]);
}

TEST(Pool, AnIdFindsItsElementUntilThatIsReleased) {
  Pool<int> pool;
  const std::uint64_t one = pool.id(pool.take());
  const std::uint64_t two = pool.id(pool.take());
  EXPECT_EQ(pool.id(pool.find(one)), one);
  pool.release(pool.find(two));
  EXPECT_EQ(pool.find(two), no_index);
  EXPECT_NE(pool.find(one), no_index);
  EXPECT_EQ(pool.find(12345), no_index);
}

TEST(Pool, APlaceIsUsedAgainUnderAnotherId) {
  Pool<int> pool;
  const Index index = pool.take();
  const std::uint64_t old = pool.id(index);
  pool.release(index);
  ASSERT_EQ(pool.take(), index);
  EXPECT_NE(pool.id(index), old);
  EXPECT_EQ(pool.find(old), no_index);
  EXPECT_EQ(pool.find(pool.id(index)), index);
}

class ListTest : public ::testing::Test {
 protected:
  Index make() { return pool.take(); }
  std::vector<Index> forwards() {
    std::vector<Index> all;
    for (Index i = list.front(); i != no_index; i = pool[i].link.next) all.push_back(i);
    return all;
  }
  std::vector<Index> backwards() {
    std::vector<Index> all;
    for (Index i = list.back(); i != no_index; i = pool[i].link.previous)
      all.insert(all.begin(), i);
    return all;
  }
  void expect(const std::vector<Index>& all) {
    EXPECT_EQ(forwards(), all);
    EXPECT_EQ(backwards(), all);
    EXPECT_EQ(list.empty(), all.empty());
  }

  Pool<Element> pool;
  List list;
};

TEST_F(ListTest, GrowsAtBothEnds) {
  for (int i = 0; i < 4; ++i) make();
  expect({});
  list.push_back(pool, 1);
  expect({1});
  list.push_back(pool, 2);
  list.push_front(pool, 0);
  list.push_back(pool, 3);
  expect({0, 1, 2, 3});
}

TEST_F(ListTest, LosesAnElementAnywhere) {
  for (Index i = 0; i < 5; ++i) list.push_back(pool, make());
  list.erase(pool, 2);
  expect({0, 1, 3, 4});
  list.erase(pool, 0);
  expect({1, 3, 4});
  list.erase(pool, 4);
  expect({1, 3});
  list.erase(pool, 1);
  list.erase(pool, 3);
  expect({});
  list.push_front(pool, 2);
  expect({2});
}

}  // namespace
}  // namespace aoe::initiator
