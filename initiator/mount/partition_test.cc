#include "initiator/mount/partition.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <boost/crc.hpp>

#include "proto/frame.h"

namespace aoe::initiator {
namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

class DiskImage {
 public:
  explicit DiskImage(std::uint64_t size) : bytes(size) {}

  /// An entry of the table in this sector. Start and length are sectors.
  void entry(std::uint64_t sector, std::size_t index, std::uint8_t type, std::uint32_t start,
             std::uint32_t length) {
    std::uint8_t* const table = &bytes[sector * sector_size];
    table[510] = 0x55;
    table[511] = 0xaa;
    std::uint8_t* const entry = table + 446 + index * 16;
    entry[4] = type;
    for (int i = 0; i < 4; ++i) {
      entry[8 + i] = static_cast<std::uint8_t>(start >> 8 * i);
      entry[12 + i] = static_cast<std::uint8_t>(length >> 8 * i);
    }
  }

  /// A GPT with one partition: header in this sector, table from another on, both with their
  /// checksums.
  void gpt(std::uint64_t header, std::uint64_t table, std::uint32_t entries, std::uint64_t start,
           std::uint64_t length) {
    entry(0, 0, 0xee, 1, static_cast<std::uint32_t>(bytes.size() / sector_size - 1));
    const std::uint64_t first = table * sector_size;
    put(first, 16, 0x11);  // type and number: any but none
    put(first + 32, 8, start);
    put(first + 40, 8, start + length - 1);
    const std::uint64_t at = header * sector_size;
    std::ranges::copy(std::string_view("EFI PART\0\0\1\0\x5c\0\0\0", 16), &bytes[at]);
    put(at + 24, 8, header);
    put(at + 40, 8, 34);
    put(at + 48, 8, bytes.size() / sector_size - 34);
    put(at + 72, 8, table);
    put(at + 80, 4, entries);
    put(at + 84, 4, 128);
    put(at + 88, 4, checksum(first, std::size_t{entries} * 128));
    put(at + 16, 4, 0);
    put(at + 16, 4, checksum(at, 92));
  }

  std::vector<std::uint8_t> bytes;

 private:
  void put(std::uint64_t offset, std::size_t size, std::uint64_t value) {
    for (std::size_t i = 0; i < size; ++i) {
      bytes[offset + i] = static_cast<std::uint8_t>(i < 8 ? value >> 8 * i : value);
    }
  }
  std::uint32_t checksum(std::uint64_t offset, std::size_t size) const {
    boost::crc_32_type crc;
    crc.process_bytes(&bytes[offset], size);
    return crc.checksum();
  }
};

/// Number:start+size in sectors.
std::string partitions(const DiskImage& image, std::uint64_t* read = nullptr) {
  auto reader = PartitionReader::make(image.bytes.size());
  for (auto place = reader->next(); place.size > 0; place = reader->next()) {
    if (read != nullptr) *read += place.size;
    EXPECT_FALSE(reader->add(Bytes(image.bytes).subspan(place.start, place.size)));
  }
  std::string text;
  for (const Partition& partition : reader->partitions()) {
    text += fmt::format("{}:{}+{} ", partition.number, partition.start / sector_size,
                        partition.size / sector_size);
  }
  return text;
}

TEST(Partitions, OfAnEmptyDiskAreNone) {
  std::uint64_t read = 0;
  EXPECT_EQ(partitions(DiskImage(mebibyte), &read), "");
  EXPECT_EQ(read, 128u << 10);
}

TEST(Partitions, OfATinyDiskAreFoundToo) {
  for (const std::size_t sectors : {1, 2, 127, 128, 129}) {
    std::uint64_t read = 0;
    EXPECT_EQ(partitions(DiskImage(sectors * sector_size), &read), "");
    EXPECT_EQ(read, sectors * sector_size);
  }
  DiskImage image(64 * sector_size);
  image.entry(0, 0, 0x83, 8, 56);
  EXPECT_EQ(partitions(image), "1:8+56 ");
}

TEST(Partitions, OfAnMbrIncludeTheLogicalOnes) {
  DiskImage image(4 * mebibyte);
  image.entry(0, 0, 0x83, 2048, 1024);
  image.entry(0, 1, 0x05, 4096, 4096);
  image.entry(4096, 0, 0x83, 8, 1016);
  image.entry(4096, 1, 0x05, 2048, 1024);
  image.entry(6144, 0, 0x83, 8, 1016);
  std::uint64_t read = 0;
  EXPECT_EQ(partitions(image, &read), "1:2048+1024 2:4096+2 5:4104+1016 6:6152+1016 ");
  EXPECT_EQ(read, (128u << 10) + 2 * sector_size) << "no more than the tables";
}

TEST(Partitions, AChainThatTurnsBackComesToAnEnd) {
  DiskImage image(4 * mebibyte);
  image.entry(0, 0, 0x05, 4096, 4096);
  image.entry(4096, 0, 0x83, 8, 1016);
  image.entry(4096, 1, 0x05, 0, 1024);
  EXPECT_NE(partitions(image), "");
}

TEST(Partitions, OfAGptAreFound) {
  DiskImage image(mebibyte);
  image.gpt(1, 2, 128, 1024, 512);
  EXPECT_EQ(partitions(image), "1:1024+512 ");
}

TEST(Partitions, AGptWhoseTableIsLargerThanWhatIsReadIsNone) {
  DiskImage image(mebibyte);
  image.gpt(1, 2, 512, 1024, 512);
  EXPECT_EQ(partitions(image), "1:1024+512 ") << "64 KiB";
  image.gpt(1, 2, 513, 1024, 512);
  EXPECT_EQ(partitions(image), "") << "though its checksums are right";
  image.gpt(2047, 2014, 128, 1280, 256);
  EXPECT_EQ(partitions(image), "1:1280+256 ") << "by the copy at the end";
  image.gpt(2047, 1024, 513, 1280, 256);
  EXPECT_EQ(partitions(image), "");
}

TEST(Partitions, WhatLiesBeyondTheEndIsNotRead) {
  DiskImage image(mebibyte);
  image.entry(0, 0, 0x83, 1024, 4096);
  image.entry(0, 1, 0x05, 0x7fffffff, 4096);
  EXPECT_EQ(partitions(image), "1:1024+1024 ");
}

}  // namespace
}  // namespace aoe::initiator
