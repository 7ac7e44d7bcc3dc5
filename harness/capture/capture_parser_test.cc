#include "harness/capture/capture_parser.h"

#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/capture/link_layer.h"

namespace aoe::harness {
namespace {

using Content = std::vector<std::uint8_t>;

/// Bytes in one byte order, as a capture of such a machine has them.
class Writer {
 public:
  explicit Writer(bool is_big_endian = false) : is_big_endian_(is_big_endian) {}

  Writer& number(std::uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size; ++i) {
      const unsigned shift = 8 * (is_big_endian_ ? size - 1 - i : i);
      content_.push_back(static_cast<std::uint8_t>(value >> shift));
    }
    return *this;
  }
  Writer& u16(std::uint64_t value) { return number(value, 2); }
  Writer& u32(std::uint64_t value) { return number(value, 4); }
  Writer& bytes(const Content& content) {
    content_.insert(content_.end(), content.begin(), content.end());
    return *this;
  }

  Writer& pcap(std::uint32_t magic, std::uint32_t link = 1) {
    return u32(magic).u16(2).u16(4).u32(0).u32(0).u32(65535).u32(link);
  }
  Writer& record(std::uint32_t seconds, std::uint32_t fraction, const Content& frame) {
    return u32(seconds).u32(fraction).u32(frame.size()).u32(frame.size() + 4).bytes(frame);
  }

  Writer& block(std::uint32_t type, const Writer& body) {
    Content padded = body.content_;
    padded.resize((padded.size() + 3) / 4 * 4);
    return u32(type).u32(padded.size() + 12).bytes(padded).u32(padded.size() + 12);
  }
  Writer sub() const { return Writer(is_big_endian_); }
  Writer& section() {
    return block(0x0a0d0d0a, sub().u32(0x1a2b3c4d).u16(1).u16(0).number(UINT64_MAX, 8));
  }
  Writer& interface(std::uint16_t link, const Writer& options) {
    return block(1, sub().u16(link).u16(0).u32(0).bytes(options.content_));
  }
  Writer& interface(std::uint16_t link) { return interface(link, sub()); }
  Writer& packet(std::uint32_t interface, std::uint64_t ticks, const Content& frame) {
    return block(6, sub()
                        .u32(interface)
                        .u32(ticks >> 32)
                        .u32(ticks)
                        .u32(frame.size())
                        .u32(frame.size())
                        .bytes(frame));
  }
  /// A section, an interface of Ethernet, and one frame in it: 1.5 s after the epoch.
  Writer& packet_of_its_own(std::uint8_t byte) {
    return section().interface(1).packet(0, 1'500'000, {byte});
  }

  const Content& content() const { return content_; }

 private:
  const bool is_big_endian_;
  Content content_;
};

class Memory final : public ByteSource {
 public:
  explicit Memory(const Content& content) : left_(content) {}
  tl::expected<Bytes, std::string> take(std::size_t size) override {
    const Bytes taken = left_.first(std::min(size, left_.size()));
    left_ = left_.subspan(taken.size());
    return taken;
  }

 private:
  Bytes left_;
};

/// A line for each record, "1500000us link 1: 0a (5 on the wire)", and what went wrong.
std::string read(const Content& content) {
  Memory source(content);
  CaptureParser parser(source);
  std::string lines;
  if (const auto begun = parser.begin(); !begun) return begun.error();
  while (true) {
    const auto record = parser.next();
    if (!record) return lines + record.error();
    if (!*record) break;
    const CaptureRecord& one = **record;
    std::string hex;
    for (const std::uint8_t byte : one.bytes) hex += fmt::format("{:02x}", byte);
    lines +=
        fmt::format("{}ns link {}: {} of {}\n", one.time.count(), one.link, hex, one.original_size);
  }
  if (parser.dropped() > 0) lines += fmt::format("{} dropped\n", parser.dropped());
  return lines;
}

TEST(CaptureParser, ReadsPcapOfEachKind) {
  const std::string micro = "1000500000ns link 1: 0a0b of 6\n";
  const std::string nano = "1000000500ns link 1: 0a0b of 6\n";
  for (const bool big : {false, true}) {
    EXPECT_EQ(read(Writer(big).pcap(0xa1b2c3d4).record(1, 500, {10, 11}).content()), micro);
    EXPECT_EQ(read(Writer(big).pcap(0xa1b23c4d).record(1, 500, {10, 11}).content()), nano);
    EXPECT_EQ(read(Writer(big)
                       .pcap(0xa1b2cd34)
                       .u32(1)
                       .u32(500)
                       .u32(2)
                       .u32(6)
                       .number(0, 8)
                       .bytes({10, 11})
                       .content()),
              micro);
  }
  EXPECT_EQ(read(Writer().pcap(0xa1b2c3d4, 1 | 0x14000000).record(0, 0, {1}).content()),
            "0ns link 1: 01 of 5\n")
      << "with checksums of four bytes";
}

TEST(CaptureParser, ReadsPcapngOfSeveralSectionsAndInterfaces) {
  Writer file;
  file.section();
  file.interface(1, file.sub().u16(9).u16(1).u32(9).u16(0).u16(0));  // nanoseconds
  file.block(5, file.sub().u32(0).u32(0).u32(0).u16(5).u16(8).number(3, 8));
  file.interface(113, file.sub().u16(9).u16(1).u32(0x81).u16(14).u16(8).number(100, 8));
  file.block(0xbad, file.sub().bytes({1, 2, 3}));  // unknown, as comments of others are
  file.packet(1, 3, {1}).packet(0, 7, {2});
  file.block(3, file.sub().u32(1).bytes({3}));
  const std::string first =
      "101500000000ns link 113: 01 of 1\n7ns link 1: 02 of 1\n7ns link 1: 03 of 1\n";
  EXPECT_EQ(read(file.content()), first + "3 dropped\n");
  Writer other(true);
  file.bytes(other.packet_of_its_own(4).content());
  EXPECT_EQ(read(file.content()), first + "1500000000ns link 1: 04 of 1\n3 dropped\n");
}

TEST(CaptureParser, NamesWhatIsNoCapture) {
  EXPECT_EQ(read({}), "empty: neither pcap nor pcapng");
  EXPECT_EQ(read({1, 2, 3}), "neither pcap nor pcapng");
  EXPECT_EQ(read({1, 2, 3, 4, 5, 6, 7, 8}), "neither pcap nor pcapng");
}

/// Wherever a file ends, what is whole is read, and nothing else.
TEST(CaptureParser, SaysWhereAFileEndsWithinARecord) {
  for (const Content& whole : {Writer().pcap(0xa1b2c3d4).record(1, 0, {1, 2}).content(),
                               Writer().packet_of_its_own(1).content()}) {
    for (std::size_t size = 4; size < whole.size(); ++size) {
      const Content part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      const std::string said = read(part);
      const bool is_whole = said.empty();  // it ends before a record or block
      EXPECT_TRUE(is_whole || said == "damaged after 0 records: it ends within the next")
          << size << ": " << said;
    }
  }
}

TEST(CaptureParser, NamesWhatIsDamaged) {
  EXPECT_EQ(
      read(Writer().pcap(0xa1b2c3d4).record(1, 0, {1}).u32(0).u32(0).u32(1 << 30).u32(0).content()),
      "1000000000ns link 1: 01 of 5\n"
      "damaged after 1 record: a record of an impossible length");
  const auto ng = [](const std::function<void(Writer&)>& rest) {
    Writer file;
    file.section().interface(1);
    rest(file);
    return read(file.content());
  };
  const std::string damaged = "damaged after 0 records: ";
  EXPECT_EQ(ng([](Writer& file) { file.packet(1, 0, {1}); }),
            damaged + "a frame of an interface that is not described");
  EXPECT_EQ(ng([](Writer& file) { file.u32(6).u32(13); }),
            damaged + "a block of an impossible length");
  EXPECT_EQ(ng([](Writer& file) { file.u32(6).u32(16).u32(0).u32(20); }),
            damaged + "a block whose two lengths differ");
  EXPECT_EQ(ng([](Writer& file) { file.block(6, file.sub().u32(0)); }),
            damaged + "a block too short for its frame");
  EXPECT_EQ(
      ng([](Writer& file) { file.block(6, file.sub().u32(0).u32(0).u32(0).u32(9).u32(9).u32(0)); }),
      damaged + "a frame beyond its block");
}

TEST(CaptureParser, TakesAnyTimeAndResolution) {
  for (unsigned resolution = 0; resolution < 256; ++resolution) {
    Writer file;
    file.section();
    file.interface(1, file.sub()
                          .u16(9)
                          .u16(1)
                          .u32(resolution)
                          .u16(14)
                          .u16(8)
                          .number(UINT64_MAX >> (resolution % 3), 8));
    file.packet(0, UINT64_MAX - resolution, {1});
    EXPECT_EQ(read(file.content()).find("damaged"), std::string::npos) << resolution;
  }
}

// Other link types.

std::string ethernet(std::uint32_t link, const Content& bytes) {
  std::vector<std::uint8_t> room;
  const auto frame = ethernet_frame(
      {.time = {}, .link = link, .bytes = bytes, .original_size = bytes.size() + 10}, room);
  if (!frame) return "none";
  std::string hex;
  for (const std::uint8_t byte : frame->bytes) hex += fmt::format("{:02x}", byte);
  return fmt::format("{} of {}{}", hex, frame->original_size,
                     frame->has_destination ? "" : ", to whom is unknown");
}

TEST(LinkLayer, AFrameOfTheAnyInterfaceHasNoDestination) {
  const Content sll{0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x88, 0xa2, 0x10};
  EXPECT_EQ(ethernet(113, sll), "00000000000002000000000188a210 of 25, to whom is unknown");
  Content to_all = sll;
  to_all[1] = 1;
  EXPECT_EQ(ethernet(113, to_all), "ffffffffffff02000000000188a210 of 25");
  const Content sll2{0x88, 0xa2, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x10};
  EXPECT_EQ(ethernet(276, sll2), "00000000000002000000000188a210 of 25, to whom is unknown");
  EXPECT_EQ(ethernet(1, {1, 2}), "0102 of 12");
  EXPECT_EQ(ethernet(105, sll), "none");
  EXPECT_EQ(ethernet(113, {0, 4}), "none");
}

}  // namespace
}  // namespace aoe::harness
