#include "wire/pcap_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace aoe {
namespace {

using Octets = std::vector<std::uint8_t>;
using namespace std::chrono_literals;

class PcapFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "/pcap_file_test.XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  std::string file(const std::string& name, const Octets& content) const {
    std::ofstream out(path(name), std::ios::binary);
    out.write(reinterpret_cast<const char*>(content.data()),
              static_cast<std::streamsize>(content.size()));
    return path(name);
  }

  /// A capture of three frames of 60 bytes, filled with 1, 2, 3, a microsecond and 1 ns apart.
  std::string three_frames() const {
    auto writer = PcapWriter::create(path("three.pcap"));
    EXPECT_TRUE(writer) << writer.error();
    for (std::uint8_t i = 1; i <= 3; ++i) (*writer)->write(i * 1001ns, Octets(60, i));
    EXPECT_TRUE((*writer)->flush());
    return path("three.pcap");
  }

  static std::unique_ptr<PcapReader> open(const std::string& path) {
    auto reader = PcapReader::open(path);
    EXPECT_TRUE(reader) << reader.error();
    return *std::move(reader);
  }

  static std::string open_error(const std::string& path) {
    const auto reader = PcapReader::open(path);
    EXPECT_FALSE(reader);
    return reader ? "" : reader.error();
  }

  /// Every record as "seconds.nanoseconds size/original first-octet", then how the file ended.
  static std::string story(const std::string& path) {
    const auto reader = open(path);
    std::string text;
    for (;;) {
      const auto record = reader->next();
      if (!record) return text + "error: " + record.error();
      if (!*record) return text + "end";
      const auto& r = **record;
      text += fmt::format("{} {}/{} {:02x}, ", r.time.count(), r.bytes.size(), r.original_size,
                          r.bytes.empty() ? 0 : r.bytes[0]);
    }
  }

 private:
  std::string folder_;
};

// Magic a1b2c3d4 (microseconds), version 2.4, snapshot size 65535.
Octets header(std::uint8_t link_type) {
  return {0xd4, 0xc3, 0xb2, 0xa1, 2,    0,    4, 0, 0,         0, 0, 0,
          0,    0,    0,    0,    0xff, 0xff, 0, 0, link_type, 0, 0, 0};
}
constexpr std::uint8_t ethernet = 1;

// At 5 s and 7 µs: `captured` bytes of a frame of 60.
Octets record(std::uint8_t captured) {
  Octets r{5, 0, 0, 0, 7, 0, 0, 0, captured, 0, 0, 0, 60, 0, 0, 0};
  r.insert(r.end(), captured, 0xab);
  return r;
}

Octets operator+(Octets a, const Octets& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST_F(PcapFileTest, WhatWasWrittenIsReadToTheNanosecond) {
  auto writer = PcapWriter::create(path("x.pcap"));
  ASSERT_TRUE(writer) << writer.error();
  (*writer)->write(1234567890s + 123456789ns, Octets(60, 0x11));
  (*writer)->write(0ns, Octets(36, 0x22), Octets(1024, 0x33));
  ASSERT_TRUE((*writer)->flush());
  EXPECT_EQ(story(path("x.pcap")), "1234567890123456789 60/60 11, 0 1060/1060 22, end");
}

TEST_F(PcapFileTest, TwoPiecesAreOneFrame) {
  auto writer = PcapWriter::create(path("x.pcap"));
  ASSERT_TRUE(writer) << writer.error();
  (*writer)->write(0ns, Octets{1, 2}, Octets{3, 4});
  ASSERT_TRUE((*writer)->flush());
  const auto reader = open(path("x.pcap"));
  EXPECT_TRUE(std::ranges::equal((*reader->next())->bytes, Octets{1, 2, 3, 4}));
}

TEST_F(PcapFileTest, AFrameBeyondTheSnapshotSizeIsCut) {
  auto writer = PcapWriter::create(path("x.pcap"));
  ASSERT_TRUE(writer) << writer.error();
  (*writer)->write(0ns, Octets(300000, 1));
  ASSERT_TRUE((*writer)->flush());
  EXPECT_EQ(story(path("x.pcap")), "0 262144/300000 01, end");
}

TEST_F(PcapFileTest, DestroyingTheWriterWritesWhatIsLeft) {
  auto writer = PcapWriter::create(path("x.pcap"));
  ASSERT_TRUE(writer) << writer.error();
  (*writer)->write(9ns, Octets(60, 1));
  writer->reset();
  EXPECT_EQ(story(path("x.pcap")), "9 60/60 01, end");
}

TEST_F(PcapFileTest, AFileWithMicrosecondsIsReadToo) {
  EXPECT_EQ(story(file("x.pcap", header(ethernet) + record(60))), "5000007000 60/60 ab, end");
}

TEST_F(PcapFileTest, AFullDiskIsReportedByFlush) {
  auto writer = PcapWriter::create("/dev/full");
  ASSERT_TRUE(writer) << writer.error();
  (*writer)->write(0ns, Octets(60, 1));
  for (int i = 0; i < 2; ++i) {
    const auto flushed = (*writer)->flush();
    ASSERT_FALSE(flushed);
    EXPECT_EQ(flushed.error(), "/dev/full: No space left on device");
  }
}

TEST_F(PcapFileTest, ADiskThatFilledUpInTheMeantimeIsReportedByFlush) {
  auto writer = PcapWriter::create("/dev/full");
  ASSERT_TRUE(writer) << writer.error();
  for (int i = 0; i < 100; ++i) (*writer)->write(0ns, Octets(1500, 1));
  const auto flushed = (*writer)->flush();
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error(), "/dev/full: No space left on device");
}

TEST_F(PcapFileTest, AFileThatCannotBeMadeIsNamed) {
  const auto writer = PcapWriter::create(path("none/x.pcap"));
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error(), path("none/x.pcap") + ": No such file or directory");
}

TEST_F(PcapFileTest, OnlyACaptureIsOverwritten) {
  const auto refusal = [](const std::string& path) {
    const auto writer = PcapWriter::create(path);
    return writer ? "" : writer.error();
  };
  const auto content = [](const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return Octets(std::istreambuf_iterator<char>(in), {});
  };
  for (const Octets& image : {Octets(512, 0), Octets{1}, Octets{0xd4, 0xc3, 0xb2}}) {
    const std::string path = file("disk.img", image);
    EXPECT_EQ(refusal(path), path + ": not a capture; it is not overwritten");
    EXPECT_EQ(content(path), image);
  }
  const Octets other_order{0xa1, 0xb2, 0xc3, 0xd4};
  const Octets nanoseconds{0x4d, 0x3c, 0xb2, 0xa1};
  const Octets nanoseconds_in_other_order{0xa1, 0xb2, 0x3c, 0x4d};
  const Octets pcapng{0x0a, 0x0d, 0x0d, 0x0a};
  for (const Octets& capture : {Octets{}, header(ethernet) + record(60), other_order, nanoseconds,
                                nanoseconds_in_other_order, pcapng}) {
    const std::string path = file("x.pcap", capture);
    EXPECT_EQ(refusal(path), "");
    EXPECT_EQ(story(path), "end");
  }
}

TEST_F(PcapFileTest, AFileThatCannotBeReadIsNamedWithTheReason) {
  EXPECT_EQ(open_error(path("x.pcap")), path("x.pcap") + ": No such file or directory");
  EXPECT_EQ(open_error(file("text", Octets(100, 'x'))), path("text") + ": unknown file format");
  EXPECT_EQ(open_error(file("wlan", header(105))), path("wlan") + ": not an Ethernet capture");
}

TEST_F(PcapFileTest, AnEmptyFileIsAnErrorAndAnEmptyCaptureIsNot) {
  EXPECT_EQ(open_error(file("empty", {})),
            path("empty") + ": truncated dump file; tried to read 4 file header bytes, only got 0");
  EXPECT_EQ(story(file("none.pcap", header(ethernet))), "end");
}

TEST_F(PcapFileTest, ARecordThatEndsEarlyIsAnErrorAtEveryLength) {
  const Octets whole = header(ethernet) + record(60);
  for (std::size_t size = 25; size < whole.size(); ++size) {
    const auto cut =
        file("cut.pcap", Octets(whole.begin(), whole.begin() + static_cast<int>(size)));
    EXPECT_TRUE(story(cut).starts_with("error: " + cut + ": truncated dump file")) << size;
  }
}

}  // namespace
}  // namespace aoe
