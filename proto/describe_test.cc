#include "proto/describe.h"

#include <array>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "proto/frame.h"
#include "proto/testing/golden_frames.h"

namespace aoe {
namespace {

std::string line(Bytes bytes) {
  std::array<char, description_size_max> room;
  return std::string(describe(bytes, room));
}

std::string line(std::string_view from_version_on) {
  return line(octets("020000000005 02000000000c 88a2" + std::string(from_version_on)));
}

std::string line(const Reject& reject) {
  std::array<char, description_size_max> room;
  return std::string(describe(reject, room));
}

TEST(Describe, WritesTheLinesOfItsDocumentation) {
  EXPECT_EQ(line("10 00 0001 01 00 02010a3c  40 00 02 24 020000000000 0000"),
            "e1.1 READ EXT lba 2+2 tag 02010a3c");
  EXPECT_EQ(line("18 00 0001 01 00 02010a3c  40 00 00 40 020000000000 0000"),
            "e1.1 ATA reply ok lba 2 left 0 tag 02010a3c");
  EXPECT_EQ(line("1c 06 0001 01 00 02010a3c"),
            "e1.1 error 6 (target is reserved) to ATA tag 02010a3c");
  EXPECT_EQ(line("10 00 ffff ff 01 00000001  0000 0000 00 00 0000"),
            "e*.* config read tag 00000001");
  EXPECT_EQ(line("10 00 0001 01 01 00000001  0000 0000 00 03 0010 616263646566676869"),
            "e1.1 bad config request, 41 bytes: config string beyond the frame (offset 30: have 9, "
            "need 16) tag 00000001");
  EXPECT_EQ(line(Reject{Rule::write_data_short, 36, 512, 1024}),
            "write data beyond the frame (offset 36: have 512, need 1024)");
}

TEST(Describe, GivesEveryGoldenFrameALine) {
  const std::vector<std::pair<std::string_view, std::string_view>> lines = {
      {"ata read request", "e258.3 READ lba 168965206+2 tag 0a0b0c01"},
      {"ata write ext request", "e258.3 WRITE EXT lba 281474976710655+2 async tag 0a0b0c04"},
      {"ata write ext reply: no such sector",
       "e258.3 ATA reply status 41 error 10 lba 281474976710655 left 2 tag 0a0b0c04"},
      {"ata identify request", "e258.3 IDENTIFY lba 0+1 tag 0a0b0c07"},
      {"ata smart request", "e258.3 SMART lba 12734208+0 feature da tag 0a0b0c09"},
      {"config test request", "e258.3 config test \"web\" (3) tag 0a0b0c11"},
      {"config test reply",
       "e258.3 config reply buffers 4660 sectors 2 firmware 0001 \"web\" (3) tag 0a0b0c11"},
      {"config set request, 1024 bytes",
       "e258.3 config set \"abcdefghijklmnopqrstuvwxyzabcdef...\" (1024) tag 0a0b0c13"},
      {"config force-set request, empty", "e258.3 config force-set tag 0a0b0c14"},
      {"mask read request", "e258.3 mask read tag 0a0b0c20"},
      {"mask edit request", "e258.3 mask edit, 3 directives tag 0a0b0c21"},
      {"mask edit reply", "e258.3 mask reply, 5 addresses tag 0a0b0c21"},
      {"mask reply: bad directive",
       "e258.3 mask reply error bad directive after 2 directives tag 0a0b0c22"},
      {"reserve read request", "e258.3 reserve read tag 0a0b0c30"},
      {"reserve set request", "e258.3 reserve set, 1 addresses tag 0a0b0c31"},
      {"reserve force-set request, empty", "e258.3 reserve force-set, 0 addresses tag 0a0b0c33"},
      {"reserve read reply", "e258.3 reserve reply, 2 addresses tag 0a0b0c30"},
      {"vendor request 240", "e258.3 vendor command 240 tag 0a0b0c40"},
      {"vendor reply 255", "e258.3 vendor command 255 reply tag 0a0b0c41"},
      {"error 1 to an unknown command",
       "e258.3 error 1 (unrecognized command code) to unknown command tag 0a0b0c51"},
      {"error 2 to config", "e258.3 error 2 (bad argument parameter) to config tag 0a0b0c52"},
  };
  std::size_t found = 0;
  for (const GoldenFrame& golden : golden_frames()) {
    const std::string described = line(golden.bytes);
    EXPECT_TRUE(
        described.starts_with(golden.header.address == Address::everyone() ? "e*.* " : "e258.3 "));
    for (const auto& [name, expected] : lines) {
      if (name != golden.name) continue;
      EXPECT_EQ(described, expected);
      ++found;
    }
  }
  EXPECT_EQ(found, lines.size());
}

TEST(Describe, NamesWhatItDoesNotKnowByNumber) {
  EXPECT_EQ(line("10 00 0001 01 00 00000001  00 00 01 99 000000000000 0000"),
            "e1.1 ATA 99 lba 0+1 tag 00000001");
  EXPECT_EQ(line("1c 63 0001 01 f1 00000001"),
            "e1.1 error 99 (unknown error) to vendor command tag 00000001");
  EXPECT_EQ(line("18 00 0001 01 09 00000001"),
            "e1.1 unknown command 9 reply, 24 bytes tag 00000001");
  EXPECT_EQ(line("20 00 0001 01 00 00000001"),
            "e1.1 bad ATA request, 24 bytes: unsupported version (offset 14: have 2, need 1) tag "
            "00000001");
  EXPECT_EQ(line(Bytes{}), "bad frame, 0 bytes: frame too short (offset 0: have 0, need 24)");
}

TEST(Describe, AStatusWithoutDrdyIsNotOk) {
  EXPECT_EQ(line("18 00 0001 01 00 00000001  00 00 00 00 000000000000 0000"),
            "e1.1 ATA reply status 00 error 00 lba 0 left 0 tag 00000001");
}

TEST(Describe, CutsToTheRoomThereIs) {
  const std::string whole = line("10 00 ffff ff 01 00000001  0000 0000 00 00 0000");
  const auto bytes =
      octets("020000000005 02000000000c 88a2 10 00 ffff ff 01 00000001 0000 0000 00 00 0000");
  for (std::size_t size = 0; size <= whole.size() + 1; ++size) {
    std::vector<char> room(size);
    EXPECT_EQ(describe(bytes, room), whole.substr(0, size));
  }
  std::vector<char> room(7);
  EXPECT_EQ(describe(Reject{Rule::not_aoe, 12, 0, 0}, room), "not AoE");
}

void expect_printable(Bytes bytes) {
  std::array<char, 1000> room;
  const std::string_view described = describe(bytes, room);
  ASSERT_LE(described.size(), description_size_max);
  ASSERT_FALSE(described.empty());
  for (const char c : described) ASSERT_TRUE(c >= ' ' && c <= '~') << described;
}

TEST(Describe, IsShortAndPrintableForAnyBytes) {
  constexpr unsigned seed = 20090217;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const auto below = [&](std::size_t bound) { return random() % bound; };
  const auto& golden = golden_frames();
  std::vector<std::uint8_t> bytes;
  for (int i = 0; i < 200'000; ++i) {
    if (below(4) == 0) {  // noise, most of it with the right EtherType and version
      bytes.resize(below(120));
      for (auto& octet : bytes) octet = static_cast<std::uint8_t>(random());
      if (bytes.size() > 14 && below(8) != 0) {
        bytes[12] = 0x88;
        bytes[13] = 0xa2;
        bytes[14] = static_cast<std::uint8_t>(0x10 | below(16));
      }
    } else {  // a good frame with a few bytes changed, cut anywhere
      bytes = golden[below(golden.size())].bytes;
      for (std::size_t change = below(8); change > 0; --change) {
        bytes[below(std::min<std::size_t>(bytes.size(), 64))] = static_cast<std::uint8_t>(random());
      }
      if (below(2) == 0) bytes.resize(below(bytes.size() + 1));
    }
    expect_printable(bytes);
    if (HasFatalFailure()) return;
  }
}

TEST(Describe, TheLongestLinesFit) {
  std::vector<std::uint8_t> bytes =
      octets("020000000005 02000000000c 88a2 18 00 fffe fe 01 ffffffff ffff ffff ff 14 0400");
  bytes.resize(32 + 1024, 0xff);
  EXPECT_EQ(line(bytes),
            "e65534.254 config reply buffers 65535 sectors 255 firmware ffff "
            "\"????????????????????????????????...\" (1024) tag ffffffff");
  EXPECT_EQ(line(Reject{Rule::identify_too_large, 0xffff, 0xffffffff, 0xffffffff}),
            "IDENTIFY with more sectors than it can address "
            "(offset 65535: have 4294967295, need 4294967295)");
}

}  // namespace
}  // namespace aoe
