#include "harness/link/reserved_fields.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

/// What is found when this byte of the frame is `value`.
std::string found(FrameBytes bytes, std::size_t offset, std::uint8_t value) {
  bytes[offset] = value;
  return std::string(set_reserved_field(bytes, *decode(bytes)));
}

TEST(ReservedFields, OurOwnFramesLeaveThemZero) {
  const Header header{client_mac, server_mac, disk, 1};
  for (const FrameBytes& frame :
       {request_frame(read_command(2), 1), request_frame(write_command(2), 1), reply_frame(1),
        query_frame(), frame_of(header, ConfigReply{.buffer_count = 4, .sector_count = 2}),
        frame_of(header, MaskRequest{}), frame_of(header, ReserveRequest{}),
        frame_of(header, ErrorReply{0, ErrorCode::bad_argument})}) {
    EXPECT_EQ(set_reserved_field(frame, *decode(frame)), "");
  }
}

TEST(ReservedFields, FlagsAreReservedInAnyFrame) {
  EXPECT_EQ(found(query_frame(), 14, 0x12), "the reserved flags (§2)");
  EXPECT_EQ(found(reply_frame(1), 14, 0x19), "the reserved flags (§2)");
}

TEST(ReservedFields, OfAnAtaFrame) {
  const FrameBytes request = request_frame(read_command(2), 1);
  EXPECT_EQ(found(request, 24, 0x44), "the reserved AFlags (§3.1)");
  EXPECT_EQ(found(request, 24, 0x42), "") << "asynchronous";
  EXPECT_EQ(found(request, 34, 1), "the reserved bytes after the LBA (§3.1)");
  EXPECT_EQ(found(reply_frame(1), 35, 1), "the reserved bytes after the LBA (§3.1)");
}

TEST(ReservedFields, OfAQueryTheServersAnswer) {
  const std::string_view servers =
      "the fields of a query that are the server's: buffers, firmware, sectors (§3.2)";
  for (const std::size_t offset : {24U, 25U, 26U, 27U, 28U})
    EXPECT_EQ(found(query_frame(), offset, 1), servers);
  const Header header{client_mac, server_mac, disk, 1};
  EXPECT_EQ(found(frame_of(header, ConfigReply{}), 25, 16), "");
}

TEST(ReservedFields, OfAMaskList) {
  const Header header{server_mac, client_mac, disk, 1};
  const FrameBytes read = frame_of(header, MaskRequest{});
  EXPECT_EQ(found(read, 24, 1), "the reserved byte of the mask list (§3.3)");
  std::array<std::uint8_t, 16> room;
  const std::array<Directive, 2> directives{{{1, client_mac}, {2, server_mac}}};
  const FrameBytes edit =
      frame_of(header, MaskRequest{MaskCommand::edit, pack(std::span(directives), room)});
  EXPECT_EQ(found(edit, 28, 1), "the reserved byte of a directive (§3.3)");
  EXPECT_EQ(found(edit, 36, 1), "the reserved byte of a directive (§3.3)");
  EXPECT_EQ(found(edit, 37, 1), "");
}

}  // namespace
}  // namespace aoe::harness
