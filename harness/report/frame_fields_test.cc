#include "harness/report/frame_fields.h"

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

/// "at+size name=value" of each field, "!" before those that are wrong.
std::string fields(const std::string& hex, const FailureRecord& failure = {}) {
  std::string text;
  for (const FieldView& field : fields_of(from_hex(hex), failure)) {
    text += (field.wrong ? "!" : "") + std::to_string(field.at) + "+" + std::to_string(field.size) +
            " " + field.name + "=" + field.value + "\n";
  }
  return text;
}

constexpr const char* header = "02000000000102000000000288a2";

FailureRecord about(const std::string& field, const std::string& actual = "") {
  FailureRecord failure;
  failure.field = field;
  failure.actual = actual;
  return failure;
}

TEST(FrameFields, OfAReplyHaveItsNamesAndValues) {
  // R, Ver 1; e1.1, ATA, tag 7; error 0, 0 sectors left, status 0x40, lba 2.
  const std::string reply =
      std::string(header) + "18000001010000000007" + "00000040020000000000" + "0000" + "abcd";
  EXPECT_EQ(fields(reply, about("ata.status")),
            "0+6 destination=02:00:00:00:00:01\n"
            "6+6 source=02:00:00:00:00:02\n"
            "12+2 ethertype=0x88a2\n"
            "14+1 version=1\n"
            "14+1 flags=response (0x8)\n"
            "15+1 error=none (0)\n"
            "16+2 shelf=1\n"
            "18+1 slot=1\n"
            "19+1 command=ata (0)\n"
            "20+4 tag=0x00000007\n"
            "24+1 ata.flags=none (0x00)\n"
            "25+1 ata.error=none (0)\n"
            "26+1 ata.count=0\n"
            "!27+1 ata.status=DRDY (0x40)\n"
            "28+6 ata.lba=2\n"
            "34+2 ata.reserved=0x0000\n"
            "36+2 the rest=2 bytes\n");
}

TEST(FrameFields, OfSeveralAllowedAnswersAreWrongThatEachMisses) {
  const std::string reply = std::string(header) + "18000001010000000007" + "00000040020000000000";
  const std::string shown =
      fields(reply, about("", "ata.status: expected ERR, got DRDY; error: expected 2, got 0"));
  EXPECT_NE(shown.find("!27+1 ata.status"), std::string::npos) << shown;
  EXPECT_NE(shown.find("!15+1 error"), std::string::npos) << shown;
  EXPECT_EQ(shown.find("!25+1 ata.error"), std::string::npos) << shown;
}

TEST(FrameFields, OfARequestAreNotWrong) {
  const std::string request = std::string(header) + "10000001010000000007" + "00000020020000000000";
  const std::string shown = fields(request, about("ata.count"));
  EXPECT_EQ(shown.find('!'), std::string::npos) << shown;
  EXPECT_NE(shown.find("27+1 ata.op=read (0x20)"), std::string::npos) << shown;
}

TEST(FrameFields, OfListsHaveEntriesAndPadding) {
  // A mask reply of one address, and two bytes behind it.
  const std::string reply =
      std::string(header) + "18000001010200000007" + "00000001" + "0001020000000009" + "0000";
  const std::string shown = fields(reply, about("mask.list"));
  EXPECT_NE(shown.find("!30+6 mask.directive.address[0]=02:00:00:00:00:09\n36+2 the rest=2 bytes"),
            std::string::npos)
      << shown;
}

TEST(FrameFields, MarkAByteThatBelongsToNone) {
  const std::string error = std::string(header) + "1c020001010100000007" + "00104019";
  const std::string shown = fields(error, about("byte 25 of an error"));
  EXPECT_NE(shown.find("24+1 the rest=1 byte\n!25+1 the rest=1 byte\n26+2 the rest=2 bytes\n"),
            std::string::npos)
      << shown;
}

TEST(FrameFields, EndWhereTheFrameDoes) {
  const std::string whole =
      std::string(header) + "18000001010100000007" + "0010000102" + "1000ff" + "616263";
  for (std::size_t size = 0; size <= whole.size() / 2; ++size) {
    for (const FieldView& field : fields_of(from_hex(whole.substr(0, 2 * size)), {}))
      EXPECT_LE(field.at + field.size, size) << field.name;
  }
  EXPECT_EQ(from_hex("00ff1"), (std::vector<std::uint8_t>{0, 255}));
  EXPECT_EQ(from_hex("zz"), std::vector<std::uint8_t>{});
}

}  // namespace
}  // namespace aoe::harness
