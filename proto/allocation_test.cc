// Nothing in the codec allocates.

#include <array>

#include <gtest/gtest.h>

#include "base/testing/counted_new.h"
#include "proto/describe.h"
#include "proto/frame.h"
#include "proto/identify.h"
#include "proto/testing/golden_frames.h"

namespace aoe {
namespace {

TEST(Allocation, IsCounted) {
  const std::size_t before = allocations();
  delete new int(1);
  EXPECT_GT(allocations(), before);
}

TEST(Allocation, DecodeDescribeAndEncodeDoNone) {
  std::array<std::uint8_t, 2000> room;
  std::array<char, description_size_max> text;
  for (const GoldenFrame& golden : golden_frames()) {
    SCOPED_TRACE(golden.name);
    const std::size_t before = allocations();
    for (std::size_t size = 0; size <= golden.bytes.size(); ++size) {
      const Bytes cut = Bytes(golden.bytes).first(size);  // good and bad frames
      const auto frame = decode(cut);
      describe(cut, text);
      if (frame && frame->body) encode(frame->header, *frame->body, room);
    }
    encode_head(golden.header, golden.body, room);
    EXPECT_EQ(allocations(), before);
  }
}

TEST(Allocation, IdentifyDoesNone) {
  std::array<std::uint8_t, identify_size> block;
  const std::size_t before = allocations();
  Identity identity;
  identity.model = "a disk";
  build_identify(identity, block);
  const bool parsed = parse_identify(block).has_value();
  const bool rejected = !parse_identify(Bytes(block).first(1)).has_value();
  EXPECT_EQ(allocations(), before);
  EXPECT_TRUE(parsed && rejected);
}

}  // namespace
}  // namespace aoe
