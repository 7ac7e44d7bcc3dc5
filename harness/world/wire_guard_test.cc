#include "harness/world/wire_guard.h"

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

std::string_view change_of(const Body& body) {
  return would_change(frame_of({server_mac, client_mac, disk, 1}, body));
}

TEST(WireGuard, QuestionsMayBeSent) {
  EXPECT_EQ(would_change(query_frame()), "");
  EXPECT_EQ(change_of(read_command(7)), "");
  EXPECT_EQ(change_of(flush_command()), "");
  EXPECT_EQ(change_of(MaskRequest{}), "");
  EXPECT_EQ(change_of(ReserveRequest{}), "");
  EXPECT_EQ(change_of(ConfigRequest{ConfigCommand::test}), "");
}

TEST(WireGuard, ChangesMayNot) {
  EXPECT_EQ(change_of(write_command(7)), "a write");
  EXPECT_EQ(change_of(ConfigRequest{ConfigCommand::force_set}), "a config string");
  EXPECT_EQ(change_of(MaskRequest{MaskCommand::edit}), "a change of the mask list");
  EXPECT_EQ(change_of(ReserveRequest{ReserveCommand::set}), "a reservation");
  EXPECT_EQ(change_of(VendorRequest{}), "a vendor's command");
  EXPECT_EQ(change_of(AtaReply{}), "an answer to what nobody asked");
  AtaRequest secure_erase = flush_command();
  secure_erase.opcode = static_cast<ata::Opcode>(0xf4);
  EXPECT_EQ(change_of(secure_erase), "an ATA command that is not known");
}

TEST(WireGuard, WhatNobodyCanReadMayNot) {
  EXPECT_EQ(would_change({}), "a malformed frame");
  FrameBytes frame = query_frame();
  frame[14] = 0x20;  // version 2
  EXPECT_EQ(would_change(frame), "a malformed frame");
}

}  // namespace
}  // namespace aoe::harness
