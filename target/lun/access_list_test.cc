#include "target/lun/access_list.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <algorithm>

#include <gtest/gtest.h>

#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

constexpr auto none = static_cast<std::uint8_t>(DirectiveCommand::none);
constexpr auto add = static_cast<std::uint8_t>(DirectiveCommand::add);
constexpr auto remove_it = static_cast<std::uint8_t>(DirectiveCommand::remove);

const Mac a = numbered_mac(1);
const Mac b = numbered_mac(2);
const Mac c = numbered_mac(3);

class MaskListTest : public ::testing::Test {
 protected:
  /// Edits the list and says "error after done".
  std::string edit(const std::vector<Directive>& directives, std::size_t entries_max = 255) {
    std::vector<std::uint8_t> room(8 * directives.size());
    const MacSet before = list;
    const auto [error, done, changed] = list.edit(pack(directives, room), entries_max);
    EXPECT_EQ(changed, !std::ranges::equal(before.entries(), list.entries()));
    return fmt::format("{} after {}", text(error), done);
  }
  std::vector<Mac> entries() const { return {list.entries().begin(), list.entries().end()}; }

  MacSet list;
};

TEST_F(MaskListTest, EmptyAdmitsEveryone) {
  EXPECT_TRUE(list.admits(a));
}

TEST_F(MaskListTest, AdmitsOnlyWhomItNames) {
  edit({{add, a}});
  EXPECT_TRUE(list.admits(a));
  EXPECT_FALSE(list.admits(b));
}

TEST_F(MaskListTest, DirectivesRunInOrder) {
  edit({{add, a}, {add, b}, {remove_it, a}, {add, c}, {add, a}});
  EXPECT_EQ(entries(), (std::vector{b, c, a}));
}

TEST_F(MaskListTest, DuplicateIsAddedOnce) {
  EXPECT_EQ(edit({{add, a}, {add, a}}), fmt::format("{} after 2", text(MaskError::none)));
  EXPECT_EQ(entries(), std::vector{a});
}

TEST_F(MaskListTest, RemovingWhatIsAbsentSucceeds) {
  EXPECT_EQ(edit({{remove_it, a}}), fmt::format("{} after 1", text(MaskError::none)));
}

TEST_F(MaskListTest, NoneDoesNothing) {
  EXPECT_EQ(edit({{none, a}}), fmt::format("{} after 1", text(MaskError::none)));
  EXPECT_TRUE(entries().empty());
}

TEST_F(MaskListTest, BadDirectiveStopsAndWhatWasDoneStays) {
  for (const int bad : {3, 4, 255}) {
    list = {};
    EXPECT_EQ(edit({{add, a}, {static_cast<std::uint8_t>(bad), b}, {add, c}}),
              fmt::format("{} after 1", text(MaskError::bad_directive)));
    EXPECT_EQ(entries(), std::vector{a});
  }
}

TEST_F(MaskListTest, FullListStopsAndStillTakesWhatItHolds) {
  EXPECT_EQ(edit({{add, a}, {add, b}, {add, c}}, 2),
            fmt::format("{} after 2", text(MaskError::list_full)));
  EXPECT_EQ(edit({{add, b}, {remove_it, a}, {add, c}}, 2),
            fmt::format("{} after 3", text(MaskError::none)));
  EXPECT_EQ(entries(), (std::vector{b, c}));
}

TEST_F(MaskListTest, HoldsTheCountBytesLimitAndNoMore) {
  std::vector<Directive> directives;
  for (const Mac mac : numbered_macs(255)) directives.push_back({add, mac});
  EXPECT_EQ(edit(directives, 1000), fmt::format("{} after 255", text(MaskError::none)));
  EXPECT_EQ(edit({{add, numbered_mac(255)}}, 1000),
            fmt::format("{} after 0", text(MaskError::list_full)));
  EXPECT_EQ(entries(), numbered_macs(255));
}

TEST_F(MaskListTest, IsReplacedAsAWhole) {
  edit({{add, a}});
  list.set(std::vector{b, c, b});
  EXPECT_EQ(entries(), (std::vector{b, c}));
}

TEST(AccessRules, DenyOutweighsAllow) {
  EXPECT_TRUE(AccessRules{}.admits(a));
  EXPECT_FALSE((AccessRules{{}, {a}}.admits(a)));
  EXPECT_TRUE((AccessRules{{}, {a}}.admits(b)));
  const AccessRules rules{{a, b}, {b}};
  EXPECT_TRUE(rules.admits(a));
  EXPECT_FALSE(rules.admits(b));
  EXPECT_FALSE(rules.admits(c));
}

class ReservationTest : public ::testing::Test {
 protected:
  void set(const std::vector<Mac>& macs) {
    const std::vector<Mac> before = entries();
    const bool changed = reservation.set(macs);
    EXPECT_EQ(changed, entries() != before);
  }
  std::vector<Mac> entries() const {
    return {reservation.entries().begin(), reservation.entries().end()};
  }

  MacSet reservation;
};

TEST_F(ReservationTest, EmptyAdmitsEveryone) {
  EXPECT_TRUE(reservation.admits(a));
}

TEST_F(ReservationTest, SetReplacesIt) {
  set({a, b});
  set({c});
  EXPECT_EQ(entries(), std::vector{c});
  EXPECT_TRUE(reservation.admits(c));
  EXPECT_FALSE(reservation.admits(a));
}

TEST_F(ReservationTest, EmptySetReleases) {
  set({a});
  set({});
  EXPECT_TRUE(reservation.admits(b));
}

TEST_F(ReservationTest, AddressNamedTwiceCountsOnce) {
  set({a, b, a});
  EXPECT_EQ(entries(), (std::vector{a, b}));
}

TEST_F(ReservationTest, HoldsTheCountBytesLimit) {
  set(numbered_macs(255));
  EXPECT_EQ(entries(), numbered_macs(255));
}

}  // namespace
}  // namespace aoe::target
