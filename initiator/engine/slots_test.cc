#include "initiator/engine/slots.h"

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

struct Element {
  int value = 0;
  SlotLink link;
};

TEST(Slots, APlaceIsUsedAgain) {
  Slots<Element> slots;
  const Slot first = slots.take();
  const Slot second = slots.take();
  slots[second].value = 2;
  slots.release(first);
  EXPECT_FALSE(slots.is_used(first));
  EXPECT_EQ(slots.take(), first);
  EXPECT_TRUE(slots.is_used(first));
  EXPECT_EQ(slots[second].value, 2);
  EXPECT_EQ(slots.end(), 2U);
}

TEST(Slots, ReferencesStayGood) {
  Slots<Element> slots;
  Element& first = slots[slots.take()];
  for (int i = 0; i < 10'000; ++i) slots.take();
  EXPECT_EQ(&first, &slots[0]);
}

class SlotListTest : public ::testing::Test {
 protected:
  Slot make() { return slots.take(); }
  std::vector<Slot> forwards() {
    std::vector<Slot> all;
    for (Slot s = list.front(); s != no_slot; s = slots[s].link.next) all.push_back(s);
    return all;
  }
  std::vector<Slot> backwards() {
    std::vector<Slot> all;
    for (Slot s = list.back(); s != no_slot; s = slots[s].link.previous) all.insert(all.begin(), s);
    return all;
  }
  void expect(const std::vector<Slot>& all) {
    EXPECT_EQ(forwards(), all);
    EXPECT_EQ(backwards(), all);
    EXPECT_EQ(list.empty(), all.empty());
  }

  Slots<Element> slots;
  SlotList list;
};

TEST_F(SlotListTest, GrowsAtBothEnds) {
  for (int i = 0; i < 4; ++i) make();
  expect({});
  list.push_back(slots, 1);
  expect({1});
  list.push_back(slots, 2);
  list.push_front(slots, 0);
  list.push_back(slots, 3);
  expect({0, 1, 2, 3});
}

TEST_F(SlotListTest, LosesAnElementAnywhere) {
  for (Slot i = 0; i < 5; ++i) list.push_back(slots, make());
  list.erase(slots, 2);
  expect({0, 1, 3, 4});
  list.erase(slots, 0);
  expect({1, 3, 4});
  list.erase(slots, 4);
  expect({1, 3});
  list.erase(slots, 1);
  list.erase(slots, 3);
  expect({});
  list.push_front(slots, 2);
  expect({2});
}

}  // namespace
}  // namespace aoe::initiator
