#include "initiator/mount/byte_disk.h"

#include <random>

#include <gtest/gtest.h>

#include "initiator/mount/test_sector_disk.h"

namespace aoe::initiator {
namespace {

using boost::system::error_code;

Bytes bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

class ByteDiskTest : public testing::Test {
 protected:
  TestSectorDisk disk{16};
  ByteDisk under{disk};
  std::string done;  // the operations, as they end

  ByteDisk::Done note(std::string name) {
    return [this, name](error_code error) { done += name + (error ? "!" : "") + " "; };
  }
  std::string read(std::uint64_t offset, std::size_t size) {
    std::string text = "not read";
    under.read(offset, size, [&](error_code, Bytes got) { text.assign(got.begin(), got.end()); });
    disk.run();
    return text;
  }
};

TEST_F(ByteDiskTest, ReadsTheSectorsAround) {
  std::ranges::copy(bytes("hello"), disk.content.begin() + 510);
  EXPECT_EQ(read(510, 5), "hello");
  EXPECT_EQ(disk.begun(), "read 0+2");
  EXPECT_EQ(read(512, 512).substr(0, 3), "llo");
  EXPECT_EQ(disk.begun(), "read 1+1");
}

TEST_F(ByteDiskTest, WritesWholeSectorsAsTheyAre) {
  const std::string data(1024, 'n');
  under.write(512, bytes(data), note("w"));
  EXPECT_EQ(disk.begun(), "write 1+2");
  disk.run();
  EXPECT_EQ(done, "w ");
}

TEST_F(ByteDiskTest, KeepsTheOtherBytesOfASector) {
  under.write(3, bytes("new"), note("w"));
  EXPECT_EQ(disk.begun(), "read 0+1");
  disk.run();
  EXPECT_EQ(disk.begun(), "write 0+1");
  EXPECT_EQ(disk.text(0, 8), "ooonewoo");
  EXPECT_EQ(done, "w ");
}

TEST_F(ByteDiskTest, ReadsOnlyTheSectorsThatAreWrittenInPart) {
  const std::string data(1536, 'n');
  under.write(256, bytes(data), note("both ends"));
  disk.run();
  EXPECT_EQ(disk.begun(), "read 0+1 read 3+1 write 0+4");
  EXPECT_EQ(disk.text(255, 2), "on");
  EXPECT_EQ(disk.text(1791, 2), "no");
  under.write(2048, bytes(data).first(600), note("tail"));
  disk.run();
  EXPECT_EQ(disk.begun(), "read 5+1 write 4+2");
}

TEST_F(ByteDiskTest, WritesOfOneSectorTakeTurns) {
  under.write(0, bytes("a"), note("a"));
  under.write(1, bytes("b"), note("b"));
  under.write(600, bytes("c"), note("c"));
  EXPECT_EQ(disk.begun(), "read 0+1 read 1+1") << "the third is elsewhere";
  disk.run();
  EXPECT_EQ(disk.text(0, 3), "abo");
  EXPECT_EQ(done, "a c b ");
}

TEST_F(ByteDiskTest, WholeSectorsWaitForOneThatIsChangedInPart) {
  const std::string data(1024, 'n');
  under.write(1, bytes("p"), note("part"));
  under.write(0, bytes(data), note("whole"));
  under.write(1023, bytes("q"), note("part of whole"));
  EXPECT_EQ(disk.begun(), "read 0+1");
  disk.run();
  EXPECT_EQ(disk.begun(), "write 0+1 write 0+2 read 1+1 write 1+1");
  EXPECT_EQ(disk.text(0, 2), "nn");
  EXPECT_EQ(disk.text(1022, 2), "nq");
}

TEST_F(ByteDiskTest, AReadThatFailsFailsItsWriteAndLetsTheNextGoOn) {
  under.write(0, bytes("a"), note("a"));
  under.write(1, bytes("b"), note("b"));
  disk.step(boost::system::errc::make_error_code(boost::system::errc::io_error));
  EXPECT_EQ(done, "a! ");
  disk.run();
  EXPECT_EQ(disk.text(0, 2), "ob");
  EXPECT_EQ(done, "a! b ");
}

TEST_F(ByteDiskTest, ZeroesByTrimmingAndItsEdgesByWriting) {
  disk.trims = true;
  under.zero(500, 1100, note("z"));
  disk.run();
  EXPECT_EQ(done, "z ");
  EXPECT_EQ(disk.begun(), "read 0+1 trim 1+2 read 3+1 write 0+1 write 3+1");
  EXPECT_EQ(disk.text(499, 1), "o");
  EXPECT_EQ(disk.text(500, 1100), std::string(1100, '\0'));
  EXPECT_EQ(disk.text(1600, 1), "o");
  under.zero(10, 20, note("within a sector"));
  disk.run();
  EXPECT_EQ(disk.begun(), "read 0+1 write 0+1");
}

TEST_F(ByteDiskTest, ZeroesByWritingWhereTrimIsNoHelp) {
  under.zero(512, 1024, note("z"));
  disk.run();
  EXPECT_EQ(disk.begun(), "write 1+2");
  EXPECT_EQ(disk.text(512, 1024), std::string(1024, '\0'));
}

TEST_F(ByteDiskTest, ATrimWaitsForASectorThatIsChangedInPart) {
  disk.trims = true;
  under.write(0, bytes("a"), note("a"));
  under.zero(0, 512, note("z"));
  under.write(1, bytes("b"), note("b"));
  EXPECT_EQ(disk.begun(), "read 0+1");
  disk.run();
  EXPECT_EQ(disk.begun(), "write 0+1 trim 0+1 read 0+1 write 0+1");
  EXPECT_EQ(disk.text(0, 3), std::string("\0b\0", 3));
  EXPECT_EQ(done, "a z b ");
}

TEST_F(ByteDiskTest, WhatFollowsZerosThatAreWrittenWaitsForAllOfThem) {
  TestSectorDisk large(4096);
  ByteDisk over(large);
  over.zero(0, 2 << 20, note("z"));
  over.write(1 << 20, bytes("a"), note("a"));
  large.run();
  EXPECT_EQ(large.begun(), "write 0+2048 write 2048+2048 read 2048+1 write 2048+1");
  EXPECT_EQ(large.text(1 << 20, 2), std::string("a\0", 2));
  EXPECT_EQ(done, "z a ");
}

TEST_F(ByteDiskTest, ZerosThatAreWrittenEndWithTheFirstError) {
  TestSectorDisk large(4096);
  ByteDisk over(large);
  over.zero(0, 2 << 20, note("z"));
  large.step(boost::system::errc::make_error_code(boost::system::errc::io_error));
  EXPECT_EQ(done, "z! ");
  EXPECT_TRUE(large.waiting.empty());
}

/// With disks that trim, and such as don't.
class ByteDiskOrder : public ByteDiskTest, public testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(Disks, ByteDiskOrder, testing::Bool());

TEST_P(ByteDiskOrder, ChangesBegunTogetherLeaveWhatTheyWouldOneAfterTheOther) {
  disk.trims = GetParam();
  std::mt19937 random(1);
  std::vector<std::uint8_t> expected = disk.content;
  std::deque<std::string> texts;
  for (int i = 0; i < 2000; ++i) {
    const std::size_t offset = random() % 2048;
    const std::size_t size = random() % 3 == 0 ? 512 : 1 + random() % 1200;
    const std::size_t start = size == 512 ? offset / 512 * 512 : offset;
    const bool zero = random() % 4 == 0;
    texts.emplace_back(size, zero ? '\0' : static_cast<char>('a' + i % 26));
    std::ranges::copy(texts.back(), expected.begin() + static_cast<std::ptrdiff_t>(start));
    if (zero) {
      under.zero(start, size, note("z"));
    } else {
      under.write(start, bytes(texts.back()), note("w"));
    }
    for (unsigned steps = random() % 4; steps > 0 && !disk.waiting.empty(); --steps) disk.step();
  }
  disk.run();
  EXPECT_EQ(done.size(), 4000u);
  EXPECT_TRUE(disk.content == expected);
}

}  // namespace
}  // namespace aoe::initiator
