#include "proto/frame.h"

#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "proto/testing/golden_frames.h"

namespace aoe {
namespace {

using Octets = std::vector<std::uint8_t>;
using U8s = std::initializer_list<std::uint8_t>;
using U16s = std::initializer_list<std::uint16_t>;

const Header to_server{{{0x02, 0, 0, 0, 0, 5}}, {{0x02, 0, 0, 0, 0, 0xc}}, {0x0102, 3}, 0xfedcba98};

/// A copy with nothing behind it: one byte read too far is an error that AddressSanitizer sees.
class ExactCopy {
 public:
  explicit ExactCopy(Bytes bytes)
      : size_(bytes.size()), bytes_(std::make_unique<std::uint8_t[]>(size_)) {
    std::ranges::copy(bytes, bytes_.get());
  }
  operator Bytes() const { return {bytes_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<std::uint8_t[]> bytes_;
};

Octets encoded(const Header& header, const Body& body, std::uint8_t poison = 0xaa) {
  Octets room(140'000, poison);
  room.resize(encode(header, body, room));
  return room;
}

/// The frame of a request, as its header's fixed bytes and what follows them.
Octets frame(std::string_view from_version_on, std::size_t more = 0, std::uint8_t fill = 0x5a) {
  Octets bytes = octets("020000000005 02000000000c 88a2" + std::string(from_version_on));
  bytes.insert(bytes.end(), more, fill);
  return bytes;
}

tl::expected<Body, Reject> body_of(Bytes bytes) {
  const ExactCopy copy(bytes);
  const auto decoded = decode(copy);
  if (!decoded) return tl::unexpected(decoded.error());
  if (!decoded->body) return tl::unexpected(decoded->body.error());
  return decoded->body;  // points into a copy that is gone: for its fixed fields only
}

/// Decodes `bytes`, which must outlive what is returned.
template <class T>
T decoded_as(Bytes bytes) {
  const auto frame = decode(bytes);
  if (!frame || !frame->body || !std::holds_alternative<T>(*frame->body)) {
    ADD_FAILURE() << "another kind of frame, or none";
    return {};
  }
  return std::get<T>(*frame->body);
}

void expect_reject(Bytes bytes, const Reject& expected) {
  const auto body = body_of(bytes);
  ASSERT_FALSE(body.has_value());
  EXPECT_EQ(body.error(), expected)
      << text(body.error().rule) << " at " << body.error().offset << ": have " << body.error().have
      << ", need " << body.error().need;
}

// ---- Every golden frame

TEST(GoldenFrames, HoldEveryKindOfBody) {
  std::set<std::size_t> kinds;
  std::set<std::string_view> names;
  for (const GoldenFrame& golden : golden_frames()) {
    kinds.insert(golden.body.index());
    names.insert(golden.name);
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Body>);
  EXPECT_EQ(names.size(), golden_frames().size());
}

TEST(GoldenFrames, EncodeToTheirBytes) {
  for (const GoldenFrame& golden : golden_frames()) {
    SCOPED_TRACE(golden.name);
    EXPECT_EQ(encoded(golden.header, golden.body), golden.bytes);
  }
}

TEST(GoldenFrames, EncodingWritesEveryByteOfTheFrameAndNoneBehindIt) {
  for (const GoldenFrame& golden : golden_frames()) {
    SCOPED_TRACE(golden.name);
    EXPECT_EQ(encoded(golden.header, golden.body, 0xaa), encoded(golden.header, golden.body, 0x55));

    Octets room(2000, 0xaa);
    const std::size_t size = encode(golden.header, golden.body, room);
    EXPECT_EQ(std::count(room.begin() + static_cast<std::ptrdiff_t>(size), room.end(), 0xaa),
              static_cast<std::ptrdiff_t>(room.size() - size));
  }
}

TEST(GoldenFrames, AreAtLeast60BytesAndPaddedWithZeros) {
  for (const GoldenFrame& golden : golden_frames()) {
    SCOPED_TRACE(golden.name);
    const Octets bytes = encoded(golden.header, golden.body);
    EXPECT_EQ(bytes.size(), std::max(golden.unpadded, frame_size_min));
    for (std::size_t i = golden.unpadded; i < bytes.size(); ++i) EXPECT_EQ(bytes[i], 0) << i;
  }
}

TEST(GoldenFrames, DecodeToTheirValues) {
  for (const GoldenFrame& golden : golden_frames()) {
    SCOPED_TRACE(golden.name);
    const ExactCopy copy(golden.bytes);
    const auto frame = decode(copy);
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(frame->header, golden.header);
    EXPECT_EQ(frame->response, (golden.bytes[14] & 0x8) != 0);
    EXPECT_EQ(frame->command, golden.bytes[19]);
    ASSERT_TRUE(frame->body.has_value());
    EXPECT_TRUE(arrives_as(golden.body, *frame->body));
  }
}

TEST(GoldenFrames, TruncatedAnywhereAreWholeOrRejectedForLength) {
  for (const GoldenFrame& golden : golden_frames()) {
    for (std::size_t size = 0; size <= golden.bytes.size(); ++size) {
      SCOPED_TRACE(std::string(golden.name) + " cut to " + std::to_string(size));
      const ExactCopy cut(Bytes(golden.bytes).first(size));
      const auto frame = decode(cut);
      if (size < header_size) {
        ASSERT_FALSE(frame.has_value());
        ASSERT_EQ(frame.error(), (Reject{Rule::frame_too_short, 0, static_cast<std::uint32_t>(size),
                                         header_size}));
        continue;
      }
      ASSERT_TRUE(frame.has_value());
      ASSERT_EQ(frame->header, golden.header);
      if (size >= golden.unpadded) {
        ASSERT_TRUE(frame->body.has_value());
        ASSERT_TRUE(arrives_as(golden.body, *frame->body));
        continue;
      }
      // Data that runs to the end of the frame is what there is of it.
      const bool open_ended =
          golden.bytes[19] >= vendor_command_min ||
          (std::holds_alternative<AtaReply>(golden.body) && size >= ata_header_size);
      ASSERT_EQ(frame->body.has_value(), open_ended);
      if (open_ended) continue;
      const Reject& reject = frame->body.error();
      ASSERT_LT(reject.have, reject.need);
      ASSERT_TRUE(reject.rule == Rule::arg_too_short || reject.rule == Rule::write_data_short ||
                  reject.rule == Rule::config_string_beyond_frame ||
                  reject.rule == Rule::mask_directives_beyond_frame ||
                  reject.rule == Rule::reserve_addresses_beyond_frame)
          << text(reject.rule);
    }
  }
}

TEST(GoldenFrames, MeanTheSameWithReservedBitsSet) {
  for (const GoldenFrame& golden : golden_frames()) {
    SCOPED_TRACE(golden.name);
    Octets bytes = golden.bytes;
    bytes[14] |= 0x03;                              // reserved flags
    if ((bytes[14] & 0x4) == 0) bytes[15] = 0xff;   // Error, valid with E only
    if ((bytes[14] & 0x8) == 0) bytes[14] |= 0x04;  // E, of an answer only
    const bool has_arg = !std::holds_alternative<ErrorReply>(golden.body);
    if (has_arg && bytes[19] == 0) {
      bytes[24] |= 0xac;             // AFlags but for E, D, A, W
      bytes[34] = bytes[35] = 0xff;  // reserved
      if ((bytes[24] & 0x40) == 0) {
        bytes[31] ^= 0xf0;             // high bits of lba3: not of an LBA28
        bytes[32] = bytes[33] = 0xff;  // lba4, lba5: neither
      }
    }
    if (std::holds_alternative<ConfigRequest>(golden.body)) {
      std::fill_n(bytes.begin() + 24, 5, std::uint8_t{0xff});  // a server's to fill in
      bytes[29] |= 0xf0;
    }
    if (has_arg && bytes[19] == 2) {
      bytes[24] = 0xff;
      if ((bytes[14] & 0x8) == 0) bytes[26] = 0xff;  // MError of a request
      for (std::size_t i = 28; i < golden.unpadded; i += 8) bytes[i] = 0xff;
    }
    const auto frame = decode(bytes);
    ASSERT_TRUE(frame && frame->body);
    EXPECT_EQ(frame->header, golden.header);
    EXPECT_TRUE(arrives_as(golden.body, *frame->body));
  }
}

TEST(GoldenFrames, MeanTheSameWithTrailingBytes) {
  for (const GoldenFrame& golden : golden_frames()) {
    if (std::holds_alternative<AtaReply>(golden.body) || golden.bytes[19] >= vendor_command_min) {
      continue;  // their data runs to the end
    }
    for (const std::size_t more : {1, 100, 2000}) {
      SCOPED_TRACE(std::string(golden.name) + " and " + std::to_string(more));
      Octets bytes = golden.bytes;
      bytes.resize(golden.unpadded);
      bytes.resize(golden.unpadded + more, 0xff);
      const auto frame = decode(bytes);
      ASSERT_TRUE(frame && frame->body);
      EXPECT_TRUE(arrives_as(golden.body, *frame->body));
    }
  }
}

// ---- §2 Header

TEST(Header, OtherVersionsAreRejectedInRequestsAndReplies) {
  for (std::uint32_t version = 0; version < 16; ++version) {
    if (version == protocol_version) continue;
    for (const std::uint8_t flags : U8s{0x0, 0x8, 0xc}) {
      Octets bytes = frame("00 06 0102 03 01 fedcba98", 36);
      bytes[14] = static_cast<std::uint8_t>(version << 4 | flags);
      expect_reject(bytes, {Rule::unsupported_version, 14, version, 1});
      EXPECT_EQ(decode(bytes)->response, (flags & 0x8) != 0);
      EXPECT_EQ(decode(bytes)->header, to_server);
    }
  }
}

TEST(Header, CommandsBetweenReserveAndVendorAreUnknown) {
  for (unsigned command = 0; command < 256; ++command) {
    SCOPED_TRACE(command);
    Octets bytes = frame("10 00 0102 03 00 fedcba98  00 00 00 00 000000000000 0000");
    bytes[19] = static_cast<std::uint8_t>(command);
    for (const std::uint8_t flags : U8s{0x0, 0x8}) {
      bytes[14] = static_cast<std::uint8_t>(0x10 | flags);
      if (command > 3 && command < 240) {
        expect_reject(bytes, {Rule::unknown_command, 19, command, 3});
      } else {
        EXPECT_TRUE(body_of(bytes).has_value());
      }
    }
  }
}

TEST(Header, AnotherEthertypeIsNotAoe) {
  Octets bytes = frame("10 00 0102 03 01 fedcba98", 36);
  for (const std::uint16_t type : U16s{0x0800, 0x88a1, 0x88a3, 0xa288, 0x8100}) {
    bytes[12] = static_cast<std::uint8_t>(type >> 8);
    bytes[13] = static_cast<std::uint8_t>(type);
    EXPECT_EQ(decode(bytes).error(), (Reject{Rule::not_aoe, 12, type, 0x88a2}));
  }
}

TEST(Header, WildcardsComeThroughAsTheyAre) {
  const ConfigRequest read{};
  for (const Address address : {Address{Address::any_shelf, 3}, Address{7, Address::any_slot},
                                Address::everyone(), Address{0, 0}, Address{0xfffe, 0xfe}}) {
    Header header = to_server;
    header.address = address;
    const Octets bytes = encoded(header, read);
    EXPECT_EQ(decode(bytes)->header.address, address);
  }
}

TEST(Header, AnErrorIsOneOnlyInAReply) {
  for (unsigned code = 0; code < 256; ++code) {
    Octets bytes = frame("1c 00 0102 03 00 fedcba98");  // R and E
    bytes[15] = static_cast<std::uint8_t>(code);
    const auto error = decoded_as<ErrorReply>(bytes);
    EXPECT_EQ(static_cast<unsigned>(error.code), code) << "known or not";
    EXPECT_EQ(error.command, 0);
  }
  const Octets request = frame("14 06 0102 03 03 fedcba98  00 00");  // E without R
  decoded_as<ReserveRequest>(request);
}

TEST(Header, AnErrorReplyNamesCommandsThatNobodyKnows) {
  for (unsigned command = 0; command < 256; ++command) {
    const ErrorReply error{static_cast<std::uint8_t>(command), ErrorCode::unrecognized_command};
    const Octets bytes = encoded(to_server, error);
    EXPECT_EQ(decoded_as<ErrorReply>(bytes).command, command);
  }
}

// ---- §3.1 ATA

TEST(AtaFrame, EachFlagHasItsBit) {
  const std::vector<std::pair<AtaFlags, std::uint8_t>> flags = {
      {{}, 0x00},
      {{.extended = true}, 0x40},
      {{.device_head = true}, 0x10},
      {{.asynchronous = true}, 0x02},
      {{.write = true}, 0x01},
      {{true, true, true, true}, 0x53},
  };
  for (const auto& [value, bits] : flags) {
    const Octets bytes = encoded(to_server, AtaRequest{value, 0, 0, ata::Opcode::smart, 0, {}});
    EXPECT_EQ(bytes[24], bits);
    EXPECT_EQ(decoded_as<AtaRequest>(bytes).flags, value);
  }
}

TEST(AtaFrame, Lba28HasFourBitsOfItsFourthByte) {
  const Octets bytes = frame("10 00 0102 03 00 fedcba98  00 00 01 20 ffffffffffff 0000");
  EXPECT_EQ(decoded_as<AtaRequest>(bytes).lba, 0x0fff'ffffU);
}

TEST(AtaFrame, Lba48HasAllSixBytes) {
  const Octets bytes = frame("10 00 0102 03 00 fedcba98  40 00 01 24 fffffffffffe 0000");
  EXPECT_EQ(decoded_as<AtaRequest>(bytes).lba, 0xfeff'ffff'ffffU);
}

TEST(AtaFrame, LbasComeBackFromEdgeToEdge) {
  for (const bool extended : {false, true}) {
    for (int bit = 0; bit < (extended ? 48 : 28); ++bit) {
      const std::uint64_t power = std::uint64_t{1} << bit;
      for (const std::uint64_t lba : {power - 1, power, 2 * power - 1}) {
        const AtaRequest request{{.extended = extended}, 0, 1, ata::Opcode::read_sectors, lba, {}};
        const Octets bytes = encoded(to_server, request);
        EXPECT_EQ(decoded_as<AtaRequest>(bytes).lba, lba);
        EXPECT_EQ(bytes[31] >> 4, extended ? lba >> 28 & 0xf : 0xeU);
      }
    }
  }
}

TEST(AtaFrame, WriteNeedsAllItsDataAndIgnoresMore) {
  for (const std::uint8_t sectors : U8s{0, 1, 2, 17, 255}) {
    SCOPED_TRACE(static_cast<int>(sectors));
    const std::size_t size = sectors * sector_size;
    Octets bytes = frame("10 00 0102 03 00 fedcba98  01 00 00 30 000000000000 0000", size + 1);
    bytes[26] = sectors;
    if (sectors > 0) {
      expect_reject(Bytes(bytes).first(bytes.size() - 2),
                    {Rule::write_data_short, 36, static_cast<std::uint32_t>(size - 1),
                     static_cast<std::uint32_t>(size)});
    }
    for (const std::size_t more : {0, 1}) {
      const ExactCopy copy(Bytes(bytes).first(36 + size + more));
      const Bytes data = decoded_as<AtaRequest>(copy).data;
      EXPECT_EQ(data.size(), size);
      EXPECT_EQ(data.data(), Bytes(copy).data() + 36) << "a view, not a copy";
    }
  }
}

TEST(AtaFrame, DataIsOneOfAWriteOnly) {
  const Octets bytes = frame("10 00 0102 03 00 fedcba98  00 00 02 20 000000000000 0000", 1024);
  EXPECT_TRUE(decoded_as<AtaRequest>(bytes).data.empty());
}

TEST(AtaFrame, AReplysDataIsAllThatFollows) {
  for (const std::size_t size : {0, 1, 24, 511, 512, 513, 8704}) {
    const Octets bytes = frame("18 00 0102 03 00 fedcba98  00 00 00 40 000000000000 0000", size);
    EXPECT_EQ(decoded_as<AtaReply>(bytes).data.size(), size);
  }
}

TEST(AtaFrame, DataThatLiesInPlaceStaysThere) {
  Octets data(2 * sector_size);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i * 11);
  AtaReply reply{{}, 0, 0, ata::status_drdy, 7, data};
  const Octets copied = encoded(to_server, reply);

  Octets room(2000, 0xaa);
  std::ranges::copy(data, room.begin() + ata_header_size);  // as a disk would have read it
  reply.data = Bytes(room).subspan(ata_header_size, data.size());
  const std::size_t size = encode(to_server, reply, room);
  ASSERT_EQ(size, copied.size());
  EXPECT_TRUE(std::ranges::equal(Bytes(room).first(size), copied));
  EXPECT_EQ(room[size], 0xaa);
}

TEST(AtaFrame, ShortDataInPlaceIsPaddedBehind) {
  Octets room(frame_size_min, 0xaa);
  const AtaReply reply{{}, 0, 0, ata::status_drdy, 7, Bytes(room).subspan(ata_header_size, 4)};
  ASSERT_EQ(encode(to_server, reply, room), frame_size_min);
  EXPECT_TRUE(std::ranges::equal(Bytes(room).subspan(36, 5), octets("aaaaaaaa 00")));
}

TEST(AtaFrame, HeadIsTheFrameWithoutItsData) {
  for (const GoldenFrame& golden : golden_frames()) {
    SCOPED_TRACE(golden.name);
    Octets head(2000, 0xaa);
    head.resize(encode_head(golden.header, golden.body, head));
    const auto* request = std::get_if<AtaRequest>(&golden.body);
    const auto* reply = std::get_if<AtaReply>(&golden.body);
    const Bytes data = request ? request->data : reply ? reply->data : Bytes{};
    EXPECT_EQ(head.size(), golden.bytes.size() - data.size());
    EXPECT_TRUE(std::ranges::equal(head, Bytes(golden.bytes).first(head.size())));
    EXPECT_EQ(head.size() == ata_header_size, !data.empty()) << "padded where there is no data";
  }
}

// ---- §3.2 Config

TEST(ConfigFrame, StringsOfEveryLengthThatIsAllowedComeBack) {
  for (const std::size_t length : {0, 1, 27, 28, 29, 1023, 1024}) {
    SCOPED_TRACE(length);
    const Octets string(length, 'x');
    const Octets request = encoded(to_server, ConfigRequest{ConfigCommand::set, string});
    EXPECT_EQ(request.size(), std::max<std::size_t>(60, 32 + length));
    EXPECT_TRUE(std::ranges::equal(decoded_as<ConfigRequest>(request).string, string));
    const Octets reply = encoded(to_server, ConfigReply{16, 1, 2, ConfigCommand::set, string});
    EXPECT_TRUE(std::ranges::equal(decoded_as<ConfigReply>(reply).string, string));
  }
}

TEST(ConfigFrame, StringNeedsAllItsBytesAndIgnoresMore) {
  for (const std::size_t length : {1, 1023, 1024}) {
    SCOPED_TRACE(length);
    Octets bytes = frame("10 00 0102 03 01 fedcba98  0000 0000 00 03 0000", length + 1);
    bytes[30] = static_cast<std::uint8_t>(length >> 8);
    bytes[31] = static_cast<std::uint8_t>(length);
    expect_reject(Bytes(bytes).first(32 + length - 1),
                  {Rule::config_string_beyond_frame, 30, static_cast<std::uint32_t>(length - 1),
                   static_cast<std::uint32_t>(length)});
    for (const std::size_t more : {0, 1}) {
      const ExactCopy copy(Bytes(bytes).first(32 + length + more));
      EXPECT_EQ(decoded_as<ConfigRequest>(copy).string.size(), length);
    }
  }
}

TEST(ConfigFrame, StringsAbove1024BytesAreRejectedEvenWhereTheFrameHoldsThem) {
  for (const std::uint32_t length : {1025U, 1400U, 65535U}) {
    for (const std::string_view flags : {"10", "18"}) {
      Octets bytes =
          frame(std::string(flags) + " 00 0102 03 01 fedcba98  0000 0000 00 03 0000", length);
      bytes[30] = static_cast<std::uint8_t>(length >> 8);
      bytes[31] = static_cast<std::uint8_t>(length);
      expect_reject(bytes, {Rule::config_string_too_long, 30, length, 1024});
    }
  }
}

TEST(ConfigFrame, CommandsAboveForceSetAreUnknown) {
  for (std::uint32_t command = 0; command < 16; ++command) {
    Octets bytes = frame("10 00 0102 03 01 fedcba98  0000 0000 00 00 0000");
    bytes[29] = static_cast<std::uint8_t>(0x10 | command);
    if (command <= 4) {
      EXPECT_EQ(decoded_as<ConfigRequest>(bytes).command, static_cast<ConfigCommand>(command));
    } else {
      expect_reject(bytes, {Rule::unknown_config_command, 29, command, 4});
    }
  }
}

TEST(ConfigFrame, ALengthIsNotLookedAtInAnUnknownCommand) {
  const Octets bytes = frame("10 00 0102 03 01 fedcba98  0000 0000 00 05 ffff");
  expect_reject(bytes, {Rule::unknown_config_command, 29, 5, 4});
}

// ---- §3.3 Mask and §3.4 reserve

/// A frame with `count` entries of `size` bytes, of which `bytes` are there.
Octets list_frame(std::string_view from_version_on, std::size_t count_at, std::size_t count,
                  std::size_t bytes) {
  Octets made = frame(from_version_on, bytes, 0x01);
  made[count_at] = static_cast<std::uint8_t>(count);
  return made;
}

TEST(MaskFrame, DirectivesNeedAllTheirBytesAndIgnoreMore) {
  for (const std::string_view start :
       {"10 00 0102 03 02 fedcba98  00 01 00 00", "18 00 0102 03 02 fedcba98  00 00 00 00"}) {
    for (const std::size_t count : {0, 1, 2, 185, 255}) {
      SCOPED_TRACE(count);
      const std::size_t size = count * 8;
      if (count > 0) {
        expect_reject(list_frame(start, 27, count, size - 1),
                      {Rule::mask_directives_beyond_frame, 27, static_cast<std::uint32_t>(size - 1),
                       static_cast<std::uint32_t>(size)});
      }
      for (const std::size_t more : {0, 1, 7}) {
        const ExactCopy copy(list_frame(start, 27, count, size + more));
        const DirectiveList list = start.starts_with("10")
                                       ? decoded_as<MaskRequest>(copy).directives
                                       : decoded_as<MaskReply>(copy).list;
        ASSERT_EQ(list.size(), count);
        for (std::size_t i = 0; i < count; ++i) {
          EXPECT_EQ(list[i], (Directive{1, {{1, 1, 1, 1, 1, 1}}}));
        }
      }
    }
  }
}

TEST(MaskFrame, AnErrorsCountNeedsNoDirectives) {
  for (const std::uint8_t error : U8s{1, 2, 3}) {
    Octets bytes = frame("18 00 0102 03 02 fedcba98  00 01 00 ff");
    bytes[26] = error;
    const auto reply = decoded_as<MaskReply>(bytes);
    EXPECT_EQ(reply.error, static_cast<MaskError>(error));
    EXPECT_EQ(reply.directives_done, 255);
    EXPECT_EQ(reply.list.size(), 0U);
  }
}

TEST(MaskFrame, UnknownCommandsAndErrorsAreRejected) {
  for (const std::uint32_t value : {2U, 3U, 255U}) {
    Octets bytes = frame("10 00 0102 03 02 fedcba98  00 00 00 00");
    bytes[25] = static_cast<std::uint8_t>(value);
    expect_reject(bytes, {Rule::unknown_mask_command, 25, value, 1});
  }
  for (const std::uint32_t value : {4U, 255U}) {
    Octets bytes = frame("18 00 0102 03 02 fedcba98  00 01 00 00");
    bytes[26] = static_cast<std::uint8_t>(value);
    expect_reject(bytes, {Rule::unknown_mask_error, 26, value, 3});
  }
}

TEST(MaskFrame, DirectivesKeepCommandsThatNobodyKnows) {
  const Octets bytes = frame("10 00 0102 03 02 fedcba98  00 01 00 01  00 7f 020304050607");
  EXPECT_EQ(decoded_as<MaskRequest>(bytes).directives[0], (Directive{0x7f, {{2, 3, 4, 5, 6, 7}}}));
}

TEST(ReserveFrame, AddressesNeedAllTheirBytesAndIgnoreMore) {
  for (const std::string_view start :
       {"10 00 0102 03 03 fedcba98  01 00", "18 00 0102 03 03 fedcba98  00 00"}) {
    for (const std::size_t count : {0, 1, 2, 248, 255}) {
      SCOPED_TRACE(count);
      const std::size_t size = count * 6;
      if (count > 0) {
        expect_reject(list_frame(start, 25, count, size - 1),
                      {Rule::reserve_addresses_beyond_frame, 25,
                       static_cast<std::uint32_t>(size - 1), static_cast<std::uint32_t>(size)});
      }
      for (const std::size_t more : {0, 1, 5}) {
        const ExactCopy copy(list_frame(start, 25, count, size + more));
        const MacList macs = start.starts_with("10") ? decoded_as<ReserveRequest>(copy).macs
                                                     : decoded_as<ReserveReply>(copy).macs;
        ASSERT_EQ(macs.size(), count);
        for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(macs[i], (Mac{{1, 1, 1, 1, 1, 1}}));
      }
    }
  }
}

TEST(ReserveFrame, UnknownCommandsAreRejected) {
  for (const std::uint32_t value : {3U, 4U, 255U}) {
    for (const std::string_view flags : {"10", "18"}) {
      Octets bytes = frame(std::string(flags) + " 00 0102 03 03 fedcba98  00 00");
      bytes[24] = static_cast<std::uint8_t>(value);
      expect_reject(bytes, {Rule::unknown_reserve_command, 24, value, 2});
    }
  }
}

TEST(WireList, PackedEntriesComeBackInOrder) {
  const std::vector<Directive> directives{{1, {{1, 2, 3, 4, 5, 6}}}, {0xff, {{6, 5, 4, 3, 2, 1}}}};
  Octets room(20, 0xaa);
  const DirectiveList list = pack(directives, room);
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0], directives[0]);
  EXPECT_EQ(list[1], directives[1]);
  EXPECT_TRUE(std::ranges::equal(list.packed(), octets("00 01 010203040506 00 ff 060504030201")));
  EXPECT_EQ(room[16], 0xaa);

  const std::vector<Mac> macs{{{1, 2, 3, 4, 5, 6}}, Mac::broadcast()};
  const MacList packed = pack(macs, room);
  ASSERT_EQ(packed.size(), 2U);
  EXPECT_EQ(packed[0], macs[0]);
  EXPECT_EQ(packed[1], macs[1]);
  EXPECT_EQ(MacList{}.size(), 0U);
}

// ---- What decoding refuses, encoding asserts

void expect_death(const Body& body) {
  EXPECT_DEATH(encoded(to_server, body), "invariant broken") << body.index();
}

TEST(EncodeDeath, RefusesAnLbaThatItsFlagsCannotHold) {
  expect_death(AtaRequest{{}, 0, 1, ata::Opcode::read_sectors, 1 << 28, {}});
  expect_death(AtaReply{{}, 0, 0, 0x40, 1 << 28, {}});
  const std::uint64_t beyond = std::uint64_t{1} << 48;
  expect_death(AtaRequest{{.extended = true}, 0, 1, ata::Opcode::read_sectors_ext, beyond, {}});
  expect_death(AtaReply{{.extended = true}, 0, 0, 0x40, beyond, {}});
}

TEST(EncodeDeath, RefusesDataOfAnotherSizeThanItsCount) {
  const Octets data(1025);
  for (const std::size_t size : {0, 511, 513, 1024}) {
    expect_death(
        AtaRequest{{.write = true}, 0, 1, ata::Opcode::write_sectors, 0, Bytes(data).first(size)});
  }
  expect_death(AtaRequest{{}, 0, 1, ata::Opcode::read_sectors, 0, Bytes(data).first(512)});
}

TEST(EncodeDeath, RefusesAStringAbove1024Bytes) {
  const Octets string(1025);
  expect_death(ConfigRequest{ConfigCommand::set, string});
  expect_death(ConfigReply{16, 1, 2, ConfigCommand::read, string});
}

TEST(EncodeDeath, RefusesCommandsThatNobodyKnows) {
  expect_death(ConfigRequest{static_cast<ConfigCommand>(5), {}});
  expect_death(ConfigReply{16, 1, 2, static_cast<ConfigCommand>(16), {}});
  expect_death(MaskRequest{static_cast<MaskCommand>(2), {}});
  expect_death(MaskReply{static_cast<MaskCommand>(2), MaskError::none, 0, {}});
  expect_death(MaskReply{MaskCommand::edit, static_cast<MaskError>(4), 0, {}});
  expect_death(ReserveRequest{static_cast<ReserveCommand>(3), {}});
  expect_death(ReserveReply{static_cast<ReserveCommand>(3), {}});
  for (const std::uint8_t command : U8s{0, 3, 4, 239}) {
    expect_death(VendorRequest{command, {}});
    expect_death(VendorReply{command, {}});
  }
}

TEST(EncodeDeath, RefusesAListInAMaskErrorReply) {
  const Octets packed(8);
  expect_death(MaskReply{MaskCommand::edit, MaskError::list_full, 1, DirectiveList(packed)});
}

TEST(EncodeDeath, RefusesListsThatNoFrameCanHold) {
  const Octets packed(256 * 8);
  EXPECT_DEATH(DirectiveList(Bytes(packed).first(7)), "invariant broken");
  EXPECT_DEATH(DirectiveList{Bytes(packed)}, "invariant broken");
  EXPECT_DEATH(MacList(Bytes(packed).first(7)), "invariant broken");
  EXPECT_DEATH(MacList(Bytes(packed).first(256 * 6)), "invariant broken");
  EXPECT_EQ(DirectiveList(Bytes(packed).first(255 * 8)).size(), 255U);
  EXPECT_EQ(MacList(Bytes(packed).first(255 * 6)).size(), 255U);
  EXPECT_DEATH(DirectiveList(Bytes(packed).first(8))[1], "invariant broken");
  EXPECT_DEATH(MacList{}[0], "invariant broken");

  const std::vector<Mac> macs(2);
  Octets room(11);
  EXPECT_DEATH(pack(macs, room), "invariant broken");
}

TEST(EncodeDeath, NeedsRoomForTheWholeFrame) {
  for (const GoldenFrame& golden : golden_frames()) {
    SCOPED_TRACE(golden.name);
    Octets room(golden.bytes.size());
    EXPECT_EQ(encode(golden.header, golden.body, room), room.size());
    EXPECT_DEATH(encode(golden.header, golden.body, MutableBytes(room).first(room.size() - 1)),
                 "invariant broken");
  }
}

}  // namespace
}  // namespace aoe
