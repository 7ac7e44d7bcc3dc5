// libFuzzer target: any bytes decode to a value or a named reject, and what decodes encodes to
// bytes that mean the same.

#include <array>
#include <vector>

#include "base/check.h"
#include "proto/describe.h"
#include "proto/frame.h"
#include "proto/identify.h"
#include "proto/testing/golden_frames.h"

namespace aoe {
namespace {

void describe_any(Bytes bytes) {
  std::array<char, description_size_max + 1> room;
  const std::string_view line = describe(bytes, room);
  AOE_CHECK(line.size() <= description_size_max);
  for (const char c : line) AOE_CHECK(c >= ' ' && c <= '~');
}

void round_trip(const Frame& frame, std::size_t size) {
  const Body& body = *frame.body;
  std::vector<std::uint8_t> bytes(size + frame_size_min, 0xaa);
  bytes.resize(encode(frame.header, body, bytes));
  AOE_CHECK(bytes.size() <= std::max(size, frame_size_min));

  const auto again = decode(bytes);
  AOE_CHECK(again && again->body);
  AOE_CHECK(again->header == frame.header && again->response == frame.response &&
            again->command == frame.command);
  AOE_CHECK(arrives_as(body, *again->body));

  std::vector<std::uint8_t> twice(bytes.size(), 0x55);
  AOE_CHECK(encode(again->header, *again->body, twice) == bytes.size());
  AOE_CHECK(twice == bytes);
}

void parse_any(Bytes bytes) {
  const auto identity = parse_identify(bytes);
  if (!identity || identity->checksum_wrong) return;
  std::array<std::uint8_t, identify_size> block;
  build_identify(*identity, block);
  AOE_CHECK(parse_identify(block) == *identity);
}

void run(Bytes bytes) {
  const auto frame = decode(bytes);
  AOE_CHECK(frame || frame.error().rule == Rule::frame_too_short ||
            frame.error().rule == Rule::not_aoe);
  describe_any(bytes);
  parse_any(bytes);
  if (!frame || !frame->body) return;
  round_trip(*frame, bytes.size());
  if (const auto* reply = std::get_if<AtaReply>(&*frame->body)) parse_any(reply->data);
}

}  // namespace
}  // namespace aoe

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  aoe::run({data, size});
  return 0;
}
