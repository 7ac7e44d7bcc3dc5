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

TEST(WireGuard, PermissionIsForOneDisk) {
  const auto refusal = [](Address address, const Body& body, bool write_ok) {
    return refusal_on_wire(frame_of({server_mac, client_mac, address, 1}, body), "eth1", write_ok);
  };
  EXPECT_EQ(refusal(disk, write_command(7), false),
            "would send a write to eth1: --write-ok allows it");
  EXPECT_EQ(refusal(disk, write_command(7), true), "");
  const std::string every = "would change every disk there: ";
  for (const bool write_ok : {false, true}) {
    for (const Address any : {Address::everyone(), Address{Address::any_shelf, disk.slot},
                              Address{disk.shelf, Address::any_slot}}) {
      EXPECT_EQ(refusal(any, write_command(7), write_ok), every + "a write to any shelf or slot");
      EXPECT_EQ(refusal(any, ConfigRequest{ConfigCommand::set}, write_ok),
                every + "a config string to any shelf or slot");
      EXPECT_EQ(refusal(any, read_command(7), write_ok), "");
    }
  }
}

}  // namespace
}  // namespace aoe::harness
