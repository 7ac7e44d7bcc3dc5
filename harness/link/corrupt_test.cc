#include "harness/link/corrupt.h"

#include <bit>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/yaml_map.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

/// What becomes of a frame; nothing where the fault does not strike it.
std::optional<FrameBytes> corrupted(const std::string& fields, const FrameBytes& frame) {
  YamlMap map(YAML::Load("{id: f, fault: corrupt, " + fields + "}"), "x.yaml", "arm");
  const auto fault = make_fault(FaultSpec::parse(map));
  Random random(1);
  FrameBytes room;
  Passing passing{.bytes = frame, .room = &room};
  if (!fault->meet(passing, random)) return std::nullopt;
  EXPECT_EQ(passing.bytes.size(), frame.size());
  return FrameBytes(passing.bytes.begin(), passing.bytes.end());
}

const FrameBytes read_frame = request_frame(read_command(0x0102'0304'0506), 0x10203040);

TEST(Corrupt, EveryFieldIsReadBackByTheDecoderAsItWasSet) {
  const auto header =
      decode(*corrupted("set: {shelf: 0x1234, slot: 7, tag: 0x89abcdef}", read_frame));
  EXPECT_EQ(header->header.address, (Address{0x1234, 7}));
  EXPECT_EQ(header->header.tag, 0x89abcdefU);
  const FrameBytes moved = *corrupted("set: {lba: 0x0a0b0c0d0e0f, count: 9}", read_frame);
  const auto ata = std::get<AtaRequest>(*decode(moved)->body);
  EXPECT_EQ(ata.lba, 0x0a0b'0c0d'0e0fU);
  EXPECT_EQ(ata.sectors, 9U);
  const FrameBytes elsewhere = *corrupted("set: {destination: 0x020000000009}", read_frame);
  EXPECT_EQ(decode(elsewhere)->header.destination, (Mac{{2, 0, 0, 0, 0, 9}}));
  const FrameBytes query = *corrupted("set: {ccmd: 9}", query_frame());
  EXPECT_FALSE(decode(query)->body);
}

TEST(Corrupt, NothingElseChanges) {
  FrameBytes version = *corrupted("set: {version: 2}", read_frame);
  EXPECT_EQ(version[14], 0x20);
  version[14] = read_frame[14];
  EXPECT_EQ(version, read_frame);
  FrameBytes flags = *corrupted("set: {flags: 0xc}", read_frame);
  EXPECT_EQ(flags[14], 0x1c);
}

TEST(Corrupt, BitsAreInvertedAndTwiceIsNotAtAll) {
  const FrameBytes once = *corrupted("xor: {tag: 0x80000001, version: 3}", read_frame);
  EXPECT_EQ(decode(once)->header.tag, 0x90203041U);
  EXPECT_EQ(once[14], 0x20);
  EXPECT_EQ(*corrupted("xor: {tag: 0x80000001, version: 3}", once), read_frame);
}

TEST(Count, ThoseAreStruckThatHaveAllFieldsAndLackTheOthers) {
  const auto counted = [](const std::string& keys, const FrameBytes& frame) {
    YamlMap map(YAML::Load("{id: f, fault: count, " + keys + "}"), "x.yaml", "arm");
    const auto fault = make_fault(FaultSpec::parse(map));
    Random random(1);
    Passing passing{.bytes = frame};
    const bool struck = fault->meet(passing, random);
    EXPECT_FALSE(passing.changed || passing.dropped);
    EXPECT_EQ(fault->hits(), struck ? 1U : 0U);
    return struck;
  };
  EXPECT_TRUE(counted("has: {version: 1, lba: 0x010203040506}", read_frame));
  EXPECT_TRUE(counted("has: {shelf: 1, destination: 0x020000000002}", read_frame));
  EXPECT_FALSE(counted("has: {version: 1, lba: 6}", read_frame));
  EXPECT_TRUE(counted("lacks: {slot: 255}", read_frame));
  EXPECT_FALSE(counted("has: {version: 1}, lacks: {count: 2}", read_frame));
  EXPECT_FALSE(counted("lacks: {ccmd: 1}", read_frame));  // it has no such field
  EXPECT_TRUE(counted("above: {count: 1}", read_frame));
  EXPECT_FALSE(counted("above: {count: 2}", read_frame));
  EXPECT_TRUE(counted("shorter: 61", read_frame));
  EXPECT_FALSE(counted("shorter: 60", read_frame));
}

TEST(Corrupt, AFrameWithoutTheFieldIsNotStruck) {
  EXPECT_FALSE(corrupted("set: {ccmd: 1}", read_frame));
  EXPECT_FALSE(corrupted("set: {lba: 1}", query_frame()));
  EXPECT_FALSE(corrupted("set: {tag: 1}", FrameBytes(23)));
  EXPECT_TRUE(corrupted("set: {tag: 1}", FrameBytes(24)));
  EXPECT_FALSE(corrupted("set: {tag: 1, lba: 1}", query_frame()));
}

TEST(Corrupt, EachFieldHoldsWhatFitsAndNoMore) {
  for (const FrameField& field : frame_fields()) {
    FrameBytes frame(64, 0);
    frame[19] = field.of == FrameField::Of::config ? 1 : 0;
    const auto full = corrupted(fmt::format("xor: {{{}: {:#x}}}", field.name, field.most()), frame);
    ASSERT_TRUE(full) << field.name;
    unsigned bits = 0;
    for (std::size_t i = 0; i < frame.size(); ++i) {
      const auto changed = static_cast<unsigned>((*full)[i] ^ frame[i]);
      if (changed == 0) continue;
      EXPECT_GE(i, field.offset) << field.name;
      EXPECT_LT(i, field.offset + field.size) << field.name;
      bits += static_cast<unsigned>(std::popcount(changed));
    }
    EXPECT_EQ(bits, field.width()) << field.name;
  }
}

}  // namespace
}  // namespace aoe::harness
