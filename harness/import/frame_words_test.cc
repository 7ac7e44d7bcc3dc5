#include "harness/import/frame_words.h"

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

constexpr Mac client{{0x00, 0x11, 0x22, 0, 0, 1}};
constexpr Mac server{{0x00, 0x11, 0x22, 0, 0, 2}};
constexpr CapturedEnds ends{client, server, {7, 3}};

FrameBytes asked(const Body& body, Address address = ends.device, Mac to = server) {
  return frame_of({to, client, address, 0x8000'0001}, body);
}

std::string words(const Body& body) {
  return send_words(asked(body), ends);
}

TEST(FrameWords, SayWhatARequestAsks) {
  EXPECT_EQ(words(AtaRequest{.sectors = 0, .opcode = ata::Opcode::read_sectors, .lba = 7}),
            "{tag: 0x80000001, ata: {op: read, lba: 7, count: 0}}");
  EXPECT_EQ(words(read_command(8)), "{tag: 0x80000001, ata: {op: read-ext, lba: 8, count: 2}}");
  EXPECT_EQ(words(ConfigRequest{}), "{tag: 0x80000001, config: {op: read}}");
  const FrameBytes string{'a', 'b', 'c'};
  EXPECT_EQ(words(ConfigRequest{ConfigCommand::set, string}),
            "{tag: 0x80000001, config: {op: set, string: \"abc\"}}");
  const FrameBytes odd{'"', 0};
  EXPECT_EQ(words(ConfigRequest{ConfigCommand::test, odd}),
            "{tag: 0x80000001, config: {op: test, hex: \"2200\"}}");
  std::array<std::uint8_t, 16> room{};
  const std::array one{Directive{1, client}};
  EXPECT_EQ(words(MaskRequest{MaskCommand::edit, pack(one, room)}),
            "{tag: 0x80000001, mask: {op: edit, directives: [{op: add, mac: "
            "\"00:11:22:00:00:01\"}]}}");
  const std::array macs{client};
  EXPECT_EQ(words(ReserveRequest{ReserveCommand::set, pack(macs, room)}),
            "{tag: 0x80000001, reserve: {op: set, macs: [\"00:11:22:00:00:01\"]}}");
}

TEST(FrameWords, SayWhereItGoes) {
  EXPECT_EQ(send_words(asked(ConfigRequest{}, Address::everyone(), Mac::broadcast()), ends),
            "{destination: broadcast, shelf: any, slot: any, tag: 0x80000001, config: {op: read}}");
  FrameBytes frame = asked(ConfigRequest{}, {8, 3});
  layout::set<Field::source>(frame, other_mac);
  layout::set<Field::version>(frame, std::uint8_t{3});
  layout::set<Field::flags>(frame, std::uint8_t{1});
  EXPECT_EQ(send_words(frame, ends),
            "{source: \"02:00:00:00:00:03\", version: 3, flags: 0x1, shelf: 8, tag: 0x80000001, "
            "config: {op: read}}");
}

TEST(FrameWords, CarryZerosInPlaceOfWhatIsWritten) {
  EXPECT_EQ(words(write_command(4)), "{tag: 0x80000001, ata: {op: write-ext, lba: 4, count: 2}}");
  FrameBytes frame = asked(write_command(4));
  frame.resize(frame.size() - 100);
  EXPECT_EQ(send_words(frame, ends),
            "{tag: 0x80000001, ata: {op: write-ext, lba: 4, count: 2}, truncate: 960}");
  frame.resize(1200);
  EXPECT_EQ(send_words(frame, ends),
            "{tag: 0x80000001, ata: {op: write-ext, lba: 4, count: 2}, pad: 1200}");
}

TEST(FrameWords, HaveBytesWhereThereAreNoWords) {
  FrameBytes frame = asked(ConfigRequest{});
  layout::set<Field::command>(frame, std::uint8_t{0x77});
  frame[30] = 0xab;
  EXPECT_EQ(send_words(frame, ends), "{tag: 0x80000001, command: 119, arg: \"000000000000ab\"}");
  frame = asked(read_command(8));
  frame[34] = 0x5a;  // reserved
  EXPECT_TRUE(send_words(frame, ends).starts_with("{tag: 0x80000001, command: 0, arg: \"40000224"));
  frame.resize(20);
  EXPECT_EQ(send_words(frame, ends), "{bytes: \"02000000000202000000000188a2100000070300\"}");
  frame = asked(read_command(8));
  frame.resize(30);  // its registers are cut: to be refused
  EXPECT_EQ(send_words(frame, ends),
            "{tag: 0x80000001, command: 0, arg: \"400002240800\", truncate: 30}");
}

TEST(FrameWords, FillUpWhatIsShortAndRight) {
  FrameBytes frame = asked(read_command(8));
  frame.resize(36);
  EXPECT_EQ(as_sent(frame, ends).size(), frame_size_min);
}

TEST(FrameWords, AnAnswerGoesBetweenTheEndsOfTheWorld) {
  FrameBytes reply = frame_of({client, server, ends.device, 1}, AtaReply{});
  EXPECT_EQ(layout::get<Field::destination>(as_answered(reply, ends)), client_mac);
  EXPECT_EQ(layout::get<Field::source>(as_answered(reply, ends)), server_mac);
  reply = frame_of({other_mac, other_mac, ends.device, 1}, AtaReply{});
  EXPECT_EQ(layout::get<Field::destination>(as_answered(reply, ends)), other_mac);
  EXPECT_EQ(layout::get<Field::source>(as_answered(reply, ends)), other_mac);
}

TEST(FrameWords, AQuotedTextIsOneScalar) {
  EXPECT_EQ(in_quotes(std::string_view("a \"b\" \\ c\n")), R"("a \"b\" \\ c ")");
}

}  // namespace
}  // namespace aoe::harness
