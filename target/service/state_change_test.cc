#include "target/service/state_change.h"

#include <gtest/gtest.h>

#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

using What = StateChange::What;

StateChange by_request(const Body& body) {
  const auto frame = request_frame(body);
  return change_by(*decode(frame));
}

TEST(StateChange, SaysWhoSetWhat) {
  const LunState now{"rack 7", {client_mac}, {client_mac, target_mac}};
  EXPECT_EQ(describe(by_request(ConfigRequest{ConfigCommand::set, as_bytes("rack 7")}), now),
            "config string set by 02:00:00:00:00:0c: rack 7");
  EXPECT_EQ(describe(by_request(ConfigRequest{ConfigCommand::force_set, as_bytes("rack 7")}), now),
            "config string forced by 02:00:00:00:00:0c: rack 7");
  EXPECT_EQ(describe(by_request(MaskRequest{MaskCommand::edit, {}}), now),
            "mask list set by 02:00:00:00:00:0c: 02:00:00:00:00:0c");
  EXPECT_EQ(describe(by_request(ReserveRequest{ReserveCommand::set, {}}), now),
            fmt::format("reservation set by 02:00:00:00:00:0c: {}, {}", client_mac, target_mac));
  EXPECT_EQ(describe(by_request(ReserveRequest{ReserveCommand::force_set, {}}), now),
            fmt::format("reservation forced by 02:00:00:00:00:0c: {}, {}", client_mac, target_mac));
}

TEST(StateChange, SaysThatSomethingWasCleared) {
  EXPECT_EQ(describe({What::config_string, "ctl"}, {}), "config string cleared by ctl");
  EXPECT_EQ(describe({What::mask_list, "ctl"}, {}), "mask list cleared by ctl");
  EXPECT_EQ(describe({What::reservation, "ctl", true}, {}), "reservation cleared by ctl");
}

TEST(StateChange, EscapesWhatCanNotBePrintedAndShowsTheBeginningOfLongValues) {
  LunState now;
  now.config_string = "a\n\xff" + std::string(61, 'x');
  const std::string whole = "config string set by ctl: a\\x0a\\xff" + std::string(61, 'x');
  EXPECT_EQ(describe({What::config_string, "ctl"}, now), whole);
  now.config_string += 'y';
  EXPECT_EQ(describe({What::config_string, "ctl"}, now), whole + "...");
  now.mask.assign(9, client_mac);
  const std::string macs = describe({What::mask_list, "ctl"}, now);
  EXPECT_TRUE(macs.ends_with(", 02:00:00:00:00:0c and 1 more")) << macs;
  now.mask.pop_back();
  EXPECT_FALSE(describe({What::mask_list, "ctl"}, now).ends_with("more"));
}

}  // namespace
}  // namespace aoe::target
