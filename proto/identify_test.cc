#include "proto/identify.h"

#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "proto/ata.h"

namespace aoe {
namespace {

/// 512 bytes, looked at and changed by word.
class Block {
 public:
  explicit Block(const Identity& identity, std::uint8_t poison = 0xaa) {
    bytes_.fill(poison);
    build_identify(identity, bytes_);
  }
  unsigned operator[](std::size_t word) const {
    return static_cast<unsigned>(bytes_[2 * word] | bytes_[2 * word + 1] << 8);
  }
  void set(std::size_t word, unsigned value) {
    bytes_[2 * word] = static_cast<std::uint8_t>(value);
    bytes_[2 * word + 1] = static_cast<std::uint8_t>(value >> 8);
  }
  std::string raw(std::size_t word, std::size_t words) const {
    return {reinterpret_cast<const char*>(&bytes_[2 * word]), 2 * words};
  }
  unsigned sum() const { return std::accumulate(bytes_.begin(), bytes_.end(), 0U) & 0xff; }
  tl::expected<Identity, Reject> parse() const { return parse_identify(bytes_); }
  const auto& bytes() const { return bytes_; }

 private:
  std::array<std::uint8_t, identify_size> bytes_;
};

Identity disk() {
  Identity identity;
  identity.serial = "S-0001";
  identity.firmware = "1.02";
  identity.model = "a disk of ours";
  identity.sectors = 0x123456789a;
  identity.lba48 = true;
  identity.flush_cache = true;
  identity.flush_cache_ext = true;
  return identity;
}

TEST(BuildIdentify, PutsEachWordWhereAtaHasIt) {
  const Block block(disk());
  EXPECT_EQ(block.raw(10, 10), "-S0010              ") << "two characters a word, swapped";
  EXPECT_EQ(block.raw(23, 4), ".120    ");
  EXPECT_EQ(block.raw(27, 20), " aidkso  fuosr                          ");
  EXPECT_EQ(block[49] & 1U << 9, 1U << 9) << "LBA";
  EXPECT_EQ(block[60] | block[61] << 16, 0x0fffffffU) << "clamped to what LBA28 reaches";
  EXPECT_EQ(block[83], 0x7400U) << "01, flush ext, flush, LBA48";
  EXPECT_EQ(block[84], 0x4000U);
  EXPECT_EQ(block[86], 0x3400U);
  EXPECT_EQ(block[87], 0x4000U);
  EXPECT_EQ(block[100], 0x789aU);
  EXPECT_EQ(block[101], 0x3456U);
  EXPECT_EQ(block[102], 0x0012U);
  EXPECT_EQ(block[103], 0U);
  EXPECT_EQ(block[106], 0U) << "sectors of 512 bytes";
  EXPECT_EQ(block[255] & 0xff, 0xa5U) << "signature";
  EXPECT_EQ(block.sum(), 0U) << "checksum";
}

TEST(BuildIdentify, AdvertisesEachFeatureInItsWord) {
  Identity identity = disk();
  Block block(identity);
  for (const std::size_t word : {53, 63, 69, 82, 85, 88, 105, 169}) EXPECT_EQ(block[word], 0U);
  identity.dma = identity.smart = identity.power_management = identity.write_cache = true;
  identity.trim = identity.trimmed_reads_zero = true;
  identity.trim_blocks_max = 17;
  block = Block(identity);
  EXPECT_EQ(block[49], 0x0300U) << "LBA, DMA";
  EXPECT_EQ(block[53], 0x0004U) << "word 88 is valid";
  EXPECT_EQ(block[63], 0x0007U);
  EXPECT_EQ(block[69], 0x4020U) << "trimmed sectors read as zeros";
  EXPECT_EQ(block[82], 0x0029U) << "write cache, power management, SMART";
  EXPECT_EQ(block[85], 0x0029U);
  EXPECT_EQ(block[88], 0x003fU);
  EXPECT_EQ(block[105], 17U);
  EXPECT_EQ(block[169], 1U);
  EXPECT_EQ(block.sum(), 0U);
  EXPECT_EQ(block.parse(), identity);
}

TEST(BuildIdentify, WhatBelongsToTrimMeansNothingWithoutIt) {
  Block block(disk());
  block.set(105, 98);
  block.set(69, 0x4020);
  block.set(255, 0);
  EXPECT_EQ(block.parse(), disk());
}

TEST(BuildIdentify, WritesEveryByte) {
  EXPECT_EQ(Block(disk(), 0xaa).bytes(), Block(disk(), 0x55).bytes());
}

TEST(BuildIdentify, SaysOnlyWhatTheDiskCan) {
  Identity identity;
  identity.sectors = 0x00123456;
  const Block block(identity);
  EXPECT_EQ(block[60], 0x3456U);
  EXPECT_EQ(block[61], 0x0012U);
  EXPECT_EQ(block[83], 0x4000U) << "neither LBA48 nor flush";
  EXPECT_EQ(block[86], 0U);
  for (const std::size_t word : {100, 101, 102, 103}) EXPECT_EQ(block[word], 0U) << word;
}

TEST(BuildIdentify, ClampsTheLba28Capacity) {
  for (const auto& [sectors, clamped] :
       std::vector<std::pair<std::uint64_t, unsigned>>{{0, 0},
                                                       {1, 1},
                                                       {0x0ffffffe, 0x0ffffffe},
                                                       {0x0fffffff, 0x0fffffff},
                                                       {0x10000000, 0x0fffffff},
                                                       {std::uint64_t{1} << 48, 0x0fffffff}}) {
    Identity identity = disk();
    identity.sectors = sectors;
    const Block block(identity);
    EXPECT_EQ(block[60] | block[61] << 16, clamped) << sectors;
    EXPECT_EQ(block.parse()->sectors, sectors) << "and LBA48 has all of it";
  }
}

TEST(BuildIdentify, SaysHowManySectorsAPhysicalOneHolds) {
  for (unsigned exponent = 0; exponent < 16; ++exponent) {
    Identity identity = disk();
    identity.physical_sector_size = 512U << exponent;
    const Block block(identity);
    EXPECT_EQ(block[106], exponent == 0 ? 0 : 0x6000U | exponent);
    EXPECT_EQ(block[209], exponent == 0 ? 0 : 0x4000U);
    EXPECT_EQ(block.parse()->physical_sector_size, identity.physical_sector_size);
  }
}

TEST(BuildIdentifyDeath, RefusesWhatItCannotSay) {
  std::array<std::uint8_t, identify_size> block;
  Identity identity = disk();
  identity.sectors = (std::uint64_t{1} << 48) + 1;
  EXPECT_DEATH(build_identify(identity, block), "invariant broken");
  for (const std::uint32_t size : {0U, 1U, 256U, 511U, 513U, 1536U, 512U << 16}) {
    identity = disk();
    identity.physical_sector_size = size;
    EXPECT_DEATH(build_identify(identity, block), "invariant broken") << size;
  }
}

TEST(ParseIdentify, ReadsBackWhatWasBuilt) {
  EXPECT_EQ(*Block(disk()).parse(), disk());

  Identity plain;
  plain.sectors = 1;
  EXPECT_EQ(*Block(plain).parse(), plain);

  Identity full = disk();
  full.serial = "12345678901234567890";
  full.firmware = "12345678";
  full.model = "1234567890123456789012345678901234567890";
  EXPECT_EQ(*Block(full).parse(), full);
}

TEST(ParseIdentify, TheRotationRateIsWhatTheDiskTells) {
  Block block(disk());
  EXPECT_EQ(block.parse()->rotation, std::nullopt);
  for (const auto& [word, rate] : {std::pair(1U, std::optional<unsigned>(0)),
                                   {2U, std::nullopt},
                                   {0x400U, std::nullopt},
                                   {0x401U, 0x401U},
                                   {7200U, 7200U},
                                   {0xfffeU, 0xfffeU},
                                   {0xffffU, std::nullopt}}) {
    block.set(217, word);
    EXPECT_EQ(block.parse()->rotation, rate) << word;
  }
  for (const std::uint16_t rate : {std::uint16_t{0}, std::uint16_t{5400}}) {
    Identity identity = disk();
    identity.rotation = rate;
    EXPECT_EQ(Block(identity).parse(), identity);
  }
}

TEST(ParseIdentify, NeedsAll512BytesAndIgnoresMore) {
  const Block block(disk());
  std::vector<std::uint8_t> bytes(block.bytes().begin(), block.bytes().end());
  for (std::size_t size = 0; size < identify_size; ++size) {
    const std::vector<std::uint8_t> cut(bytes.begin(),
                                        bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(parse_identify(cut).error(),
              (Reject{Rule::identify_too_short, 36, static_cast<std::uint32_t>(size), 512}));
  }
  bytes.resize(600, 0xff);
  EXPECT_EQ(*parse_identify(bytes), disk());
}

TEST(ParseIdentify, AWrongChecksumIsToldWhereThereIsOne) {
  Block block(disk());
  block.set(200, 1);
  EXPECT_TRUE(block.parse()->checksum_wrong);
  block.set(255, 0x1200);  // no signature: old devices have no checksum
  EXPECT_FALSE(block.parse()->checksum_wrong);
}

TEST(ParseIdentify, FeaturesCountWhereBothWordsAgreeAndAreValid) {
  Block supported_only(disk());
  supported_only.set(86, 0);
  EXPECT_FALSE(supported_only.parse()->lba48);
  EXPECT_FALSE(supported_only.parse()->flush_cache);
  EXPECT_FALSE(supported_only.parse()->flush_cache_ext);
  EXPECT_EQ(supported_only.parse()->sectors, 0x0fffffffU) << "then words 60-61 tell the size";

  for (const unsigned top : {0x0000U, 0x8000U, 0xc000U}) {  // bits 15:14 are not 01
    Block invalid(disk());
    invalid.set(83, 0x3400 | top);
    EXPECT_FALSE(invalid.parse()->lba48);
  }
}

// qaoed sets bit 10 of words 83 and 86 and none of the bits that make them valid; others set one of
// the two, or leave the LBA bit of word 49 clear.
TEST(ParseIdentify, LenientReadingTakesLba48WhereOneWordSaysSo) {
  constexpr unsigned lba48 = 0x0400;
  for (const auto& [word83, word86] : {std::pair{lba48, lba48}, {lba48, 0U}, {0U, lba48}}) {
    Block block(disk());
    block.set(49, 0);
    block.set(83, word83);
    block.set(86, word86);
    EXPECT_FALSE(block.parse().has_value());
    const auto lenient = parse_identify(block.bytes(), Reading::lenient);
    ASSERT_TRUE(lenient.has_value());
    EXPECT_TRUE(lenient->lba48);
    EXPECT_EQ(lenient->sectors, disk().sectors);
    EXPECT_FALSE(lenient->flush_cache);
  }
}

TEST(ParseIdentify, LenientReadingTakesTheSmallSizeWhereThereIsNoLargeOne) {
  Block block(disk());
  for (std::size_t word = 100; word < 104; ++word) block.set(word, 0);
  EXPECT_EQ(block.parse()->sectors, 0U);
  EXPECT_EQ(parse_identify(block.bytes(), Reading::lenient)->sectors, 0x0fffffffU);
}

TEST(ParseIdentify, BothReadingsAreTheSameOfAnHonestDisk) {
  const Block block(disk());
  EXPECT_EQ(parse_identify(block.bytes(), Reading::lenient), block.parse());
}

TEST(ParseIdentify, SectorSizesCountWhereWord106IsValid) {
  for (const unsigned word106 : {0x3001U, 0xb001U, 0xf001U, 0xffffU, 0x0000U}) {
    Block block(disk());
    block.set(106, word106);
    block.set(117, 2048);
    ASSERT_TRUE(block.parse().has_value()) << word106;
    EXPECT_EQ(block.parse()->physical_sector_size, 512U);
  }
  Block said(disk());  // a logical size that says 512 bytes, in words
  said.set(106, 0x5000);
  said.set(117, 256);
  EXPECT_TRUE(said.parse().has_value());
  said.set(118, 1);
  EXPECT_EQ(said.parse().error(), (Reject{Rule::identify_sector_size, 36 + 2 * 117, 65792, 256}));
  said.set(118, 0);
  for (const unsigned words : {0U, 255U, 257U}) {
    said.set(117, words);
    EXPECT_EQ(said.parse().error(), (Reject{Rule::identify_sector_size, 36 + 2 * 117, words, 256}));
  }
}

TEST(ParseIdentify, SizesBeyondTheLbasAreRejected) {
  Block block(disk());
  const auto set_sectors48 = [&](std::uint64_t sectors) {
    for (std::size_t i = 0; i < 4; ++i) {
      block.set(100 + i, static_cast<unsigned>(sectors >> (16 * i) & 0xffff));
    }
  };
  set_sectors48(std::uint64_t{1} << 48);
  EXPECT_EQ(block.parse()->sectors, std::uint64_t{1} << 48);
  for (const std::uint64_t sectors :
       {(std::uint64_t{1} << 48) + 1, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    set_sectors48(sectors);
    EXPECT_EQ(block.parse().error().rule, Rule::identify_too_large);
    EXPECT_EQ(block.parse().error().offset, 36 + 2 * 100);
  }

  block.set(83, 0x4000);  // no LBA48: words 60-61 count
  block.set(60, 0xffff);
  block.set(61, 0x0fff);
  EXPECT_EQ(block.parse()->sectors, 0x0fffffffU);
  block.set(61, 0xffff);
  EXPECT_EQ(block.parse().error(),
            (Reject{Rule::identify_too_large, 36 + 2 * 60, 0xffffffff, 0x0fffffff}));
}

TEST(ParseIdentify, ADeviceOfNoSectorsIsOne) {
  Identity identity = disk();
  identity.sectors = 0;
  EXPECT_EQ(Block(identity).parse()->sectors, 0U);
}

TEST(ParseIdentify, TextsLoseTheirPaddingAndEndAtAZero) {
  Block block(disk());
  block.set(10, ' ' << 8 | 'A');  // the first character is in the high byte
  EXPECT_EQ(block.parse()->serial.view(), "A0001") << "spaces before it go";
  block.set(12, 'x' << 8 | '\0');  // "x" and a zero
  EXPECT_EQ(block.parse()->serial.view(), "A00x");
  block.set(10, 0);
  EXPECT_EQ(block.parse()->serial.view(), "");
}

TEST(ParseIdentify, CharactersThatDoNotPrintBecomeQuestionMarks) {
  Block block(disk());
  block.set(27, '\x1b' << 8 | '[');  // an escape sequence for somebody's terminal
  block.set(28, 0x7f80);
  block.set(29, '\n' << 8 | '~');
  EXPECT_EQ(block.parse()->model.view(), "?[???~ of ours");
}

TEST(FixedText, CutsWhatIsTooLong) {
  EXPECT_EQ(FixedText<4>("abcdef").view(), "abcd");
  EXPECT_EQ(FixedText<4>("abc").view(), "abc");
  EXPECT_EQ(FixedText<4>().view(), "");
  EXPECT_EQ(FixedText<4>("a\tb\xff"
                         "c")
                .view(),
            "a?b?");
  EXPECT_EQ(FixedText<4>("abcdef"), FixedText<4>("abcd"));
  EXPECT_FALSE(FixedText<4>("abc") == FixedText<4>("abcd"));
}

}  // namespace
}  // namespace aoe
