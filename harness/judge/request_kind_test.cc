#include "harness/judge/request_kind.h"

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

std::string kind(const Body& body) {
  const auto kind = kind_of(frame_of({server_mac, client_mac, disk, 1}, body));
  return kind ? text(*kind) : "none";
}

TEST(RequestKind, IsTheCommandAndItsOwn) {
  EXPECT_EQ(kind(ConfigRequest{ConfigCommand::force_set}), "config force-set");
  EXPECT_EQ(kind(MaskRequest{MaskCommand::edit}), "mask edit");
  EXPECT_EQ(kind(ReserveRequest{ReserveCommand::read}), "reserve read");
  EXPECT_EQ(kind(read_command(7)), "ata read-ext");
}

TEST(RequestKind, IsNoneOfWhatTellsNothingOfOthers) {
  EXPECT_EQ(kind(ConfigReply{}), "none");
  auto query = frame_of({server_mac, client_mac, disk, 1}, ConfigRequest{});
  layout::set<Field::config_op>(query, std::uint8_t{7});
  EXPECT_EQ(kind_of(query), std::nullopt);
  auto frame = frame_of({server_mac, client_mac, disk, 1}, MaskRequest{MaskCommand::edit});
  frame.resize(header_size);
  EXPECT_EQ(kind_of(frame), std::nullopt);
}

}  // namespace
}  // namespace aoe::harness
