#include "target/service/held_state.h"

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "target/testing/test_words.h"
#include "wire/memory_port.h"

namespace aoe::target {
namespace {

using Lines = std::vector<std::string>;

class HeldKeeper final : public StateKeeper {
 public:
  void save(Address, const LunState& state, Done done) override {
    saves.emplace_back(state.config_string, std::move(done));
  }
  void finish_one(std::error_code error = {}) {
    const auto [text, done] = std::move(saves.front());
    saves.pop_front();
    done(error);
  }
  std::deque<std::pair<std::string, Done>> saves;
};

LunOptions options() {
  LunOptions options;
  options.address = own_address;
  options.sectors = 8;
  options.buffer_count = 1;
  return options;
}

class HeldStateTest : public ::testing::Test {
 protected:
  HeldStateTest() {
    std::tie(port, client) = MemoryPort::pair({target_mac}, {client_mac});
    held = std::make_shared<HeldState>(lun, counters, keeper, trace);
  }
  /// Has the LUN set a config string, and holds its reply.
  void set(std::string_view text) {
    std::vector<std::uint8_t> reply(reply_size_max(1500));
    const auto request =
        request_frame(ConfigRequest{ConfigCommand::force_set, as_bytes(text)}, client_mac);
    const auto ready = std::get<ReplyReady>(lun.handle(*decode(request), {target_mac}, reply));
    EXPECT_TRUE(ready.says_set);
    held->hold(*port, Bytes(reply).first(ready.size));
  }
  Lines replies() {
    Lines lines;
    std::array<Bytes, batch_size> frames;
    const std::size_t count = client->receive(frames);
    for (const Bytes bytes : std::span(frames).first(count)) lines.push_back(line(bytes));
    return lines;
  }
  static std::string set_reply(std::string_view text) {
    return fmt::format("config force-set \"{}\", 1 buffers, firmware 0, 2 sectors", text);
  }

  Lun lun{options()};
  LunCounters counters;
  HeldKeeper keeper;
  TimedTrace trace;
  std::unique_ptr<MemoryPort> port;
  std::unique_ptr<MemoryPort> client;
  std::shared_ptr<HeldState> held;
  const std::error_code disk_full = std::make_error_code(std::errc::no_space_on_device);
};

TEST_F(HeldStateTest, ReplyGoesOutOnceItsStateIsStable) {
  EXPECT_FALSE(held->is_unstable());
  set("a");
  EXPECT_TRUE(held->is_unstable());
  EXPECT_EQ(replies(), Lines{});
  keeper.finish_one();
  EXPECT_FALSE(held->is_unstable());
  EXPECT_EQ(replies(), Lines{set_reply("a")});
  EXPECT_EQ(counters.replies, 1U);
}

TEST_F(HeldStateTest, ChangesDuringASaveAreSavedTogetherAfterIt) {
  set("a");
  set("b");
  set("c");
  ASSERT_EQ(keeper.saves.size(), 1U);
  keeper.finish_one();
  EXPECT_EQ(replies(), Lines{set_reply("a")});
  ASSERT_EQ(keeper.saves.size(), 1U);
  EXPECT_EQ(keeper.saves[0].first, "c");
  keeper.finish_one();
  EXPECT_EQ(replies(), (Lines{set_reply("b"), set_reply("c")}));
}

TEST_F(HeldStateTest, FailedSaveIsUndoneAndAllThatWaitIsRefused) {
  set("a");
  std::optional<std::error_code> called;
  held->call_when_stable([&](std::error_code error) { called = error; });
  set("b");
  keeper.finish_one(disk_full);
  EXPECT_EQ(lun.state().config_string, "");
  EXPECT_EQ(replies(), (Lines{"error 3", "error 3"}));
  EXPECT_EQ(called, disk_full);
  EXPECT_EQ(counters.state_errors, 1U);
  EXPECT_FALSE(held->is_unstable());
}

TEST_F(HeldStateTest, ForgottenPortAndTooManyRepliesAreDroppedAndCounted) {
  for (int i = 0; i < 5; ++i) set("a");
  EXPECT_EQ(counters.dropped_busy, 1U) << "four times the buffer count are held";
  held->forget(*port);
  keeper.finish_one();
  EXPECT_EQ(replies(), Lines{});
  EXPECT_EQ(counters.dropped_port, 4U);
}

TEST_F(HeldStateTest, ALargeBufferCountHoldsNoMoreThanTheBound) {
  LunOptions many = options();
  many.buffer_count = 65535;
  lun.change(many);
  for (std::size_t i = 0; i < HeldState::held_max + 1; ++i) set("a");
  EXPECT_EQ(counters.dropped_busy, 1U);
}

TEST_F(HeldStateTest, SaveMayEndAfterTheLunIsGone) {
  set("a");
  held->refuse_all(std::make_error_code(std::errc::no_such_device));
  EXPECT_EQ(replies(), Lines{"error 3"});
  held.reset();
  keeper.finish_one();
  EXPECT_EQ(counters.state_errors, 0U);
}

}  // namespace
}  // namespace aoe::target
