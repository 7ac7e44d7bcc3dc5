#include "target/service/service.h"

#include <deque>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "target/testing/test_service.h"

namespace aoe::target {
namespace {

class Keeper final : public StateKeeper {
 public:
  void save(Address lun, const LunState& state, Done done) override {
    EXPECT_EQ(lun, own_address);
    saves.push_back({state, std::move(done)});
  }
  void finish_one(std::error_code error = {}) {
    auto [state, done] = std::move(saves.front());
    saves.pop_front();
    done(error);
  }

  std::deque<std::pair<LunState, Done>> saves;
};

class StatefulServiceTest : public ServiceTest {
 protected:
  StatefulServiceTest() {
    kept.add(options_at(own_address), std::make_unique<MemoryStore>(disk_size));
  }
  Lines ask(const Body& body, Mac source = client_mac) {
    send(request_frame(body, source));
    kept.serve(*port);
    return replies();
  }
  Lines force_set(std::string_view text) {
    return ask(ConfigRequest{ConfigCommand::force_set, as_bytes(text)});
  }
  Lines finish(std::error_code error = {}) {
    keeper.finish_one(error);
    return replies();
  }
  const std::error_code disk_full = std::make_error_code(std::errc::no_space_on_device);

  Keeper keeper;
  Service kept{{}, &keeper};
};

TEST_F(StatefulServiceTest, ReplyIsHeldUntilTheStateIsStable) {
  EXPECT_EQ(force_set("abc"), Lines{});
  ASSERT_EQ(keeper.saves.size(), 1U);
  EXPECT_EQ(keeper.saves[0].first, (LunState{"abc", {}, {}}));
  EXPECT_EQ(finish(), Lines{R"(e7.3 config force-set "abc", 2 buffers, firmware 0, 17 sectors)"});
  EXPECT_EQ(force_set("abc").size(), 1U) << "nothing changes, so nothing is saved";
  EXPECT_EQ(keeper.saves.size(), 0U);
}

TEST_F(StatefulServiceTest, RetransmittedSetIsHeldToo) {
  force_set("abc");
  EXPECT_EQ(force_set("abc"), Lines{});
  EXPECT_EQ(keeper.saves.size(), 1U);
  EXPECT_EQ(finish().size(), 2U);
}

TEST_F(StatefulServiceTest, ChangesDuringASaveAreSavedAfterIt) {
  force_set("a");
  force_set("b");
  force_set("c");
  ASSERT_EQ(keeper.saves.size(), 1U);
  EXPECT_EQ(finish(), Lines{R"(e7.3 config force-set "a", 2 buffers, firmware 0, 17 sectors)"});
  ASSERT_EQ(keeper.saves.size(), 1U);
  EXPECT_EQ(keeper.saves[0].first.config_string, "c");
  EXPECT_EQ(finish().size(), 2U);
  EXPECT_EQ(keeper.saves.size(), 0U);
}

TEST_F(StatefulServiceTest, WhatCouldNotBeSavedIsUndoneAndRefused) {
  force_set("old");
  finish();
  force_set("new");
  EXPECT_EQ(finish(disk_full), Lines{"e7.3 error 3"});
  EXPECT_EQ(ask(ConfigRequest{}),
            Lines{R"(e7.3 config read "old", 2 buffers, firmware 0, 17 sectors)"});
  const std::vector<Directive> directives{{1, client_mac}};
  std::vector<std::uint8_t> room(8);
  ask(MaskRequest{MaskCommand::edit, pack(directives, room)});
  EXPECT_EQ(finish(disk_full), Lines{"e7.3 mask error 1 after 0"});
  EXPECT_EQ(ask(MaskRequest{}, other_mac), Lines{"e7.3 mask"});
  EXPECT_EQ(kept.counters().state_errors, 2U);
}

TEST_F(StatefulServiceTest, ReservationIsHeldAndRefusedLikewise) {
  std::vector<std::uint8_t> room(6);
  const ReserveRequest request{ReserveCommand::set, pack(std::span(&client_mac, 1), room)};
  EXPECT_EQ(ask(request), Lines{});
  EXPECT_EQ(finish(disk_full), Lines{"e7.3 error 3"});
  ask(request);
  EXPECT_EQ(finish(), Lines{"e7.3 reserve 02:00:00:00:00:0c"});
  EXPECT_EQ(ask(request), Lines{"e7.3 reserve 02:00:00:00:00:0c"}) << "set already";
}

TEST_F(StatefulServiceTest, StartsFromWhatAnEarlierLifeLeft) {
  Service later({}, &keeper);
  later.add(options_at(own_address), std::make_unique<MemoryStore>(disk_size),
            LunState{"kept", {client_mac}, {client_mac}});
  send(ConfigRequest{});
  send(request_frame(ConfigRequest{}, other_mac));
  later.serve(*port);
  EXPECT_EQ(replies(), Lines{R"(e7.3 config read "kept", 2 buffers, firmware 0, 17 sectors)"});
}

TEST_F(StatefulServiceTest, CallerSetsStateAsAClientDoes) {
  std::vector<std::error_code> heard;
  const auto set = [&](std::string text) {
    return kept.set_state(own_address, {std::move(text), {}, {}},
                          [&](std::error_code error) { heard.push_back(error); });
  };
  EXPECT_TRUE(set("a"));
  EXPECT_TRUE(heard.empty());
  finish();
  EXPECT_EQ(heard, std::vector{std::error_code{}});
  EXPECT_TRUE(set("b"));
  finish(disk_full);
  EXPECT_EQ(heard.back(), disk_full);
  EXPECT_FALSE(kept.set_state({1, 1}, {}, {}));
}

TEST_F(StatefulServiceTest, PortOrLunThatGoesTakesItsHeldRepliesAlong) {
  force_set("a");
  kept.forget(*port);
  EXPECT_EQ(finish(), Lines{});
  EXPECT_EQ(kept.counters().dropped_port, 1U);
  force_set("b");
  kept.remove(own_address, [](auto) {});
  EXPECT_EQ(replies(), Lines{"e7.3 error 3"});
  EXPECT_EQ(finish(), Lines{}) << "nobody waits for it any more";
}

TEST_F(StatefulServiceTest, TooManyHeldRepliesAreDroppedAndWhatTheySetIsSavedAllTheSame) {
  for (int i = 0; i < 9; ++i) force_set("a");
  force_set("b");
  EXPECT_EQ(kept.counters().dropped_busy, 2U) << "four times the buffer count wait";
  EXPECT_EQ(finish().size(), 8U);
  ASSERT_EQ(keeper.saves.size(), 1U);
  EXPECT_EQ(keeper.saves[0].first.config_string, "b");
  finish();
  EXPECT_EQ(keeper.saves.size(), 0U);
}

}  // namespace
}  // namespace aoe::target
