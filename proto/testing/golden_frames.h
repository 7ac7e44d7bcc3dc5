// One frame of every kind, as bytes written by hand and as the values they stand for: what the
// tests of the codec, its fuzzer and the comparison with other programs start from.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "proto/frame.h"

namespace aoe {

struct GoldenFrame {
  std::string_view name;
  Header header;
  Body body;
  std::vector<std::uint8_t> bytes;  // padded with zeros to 60
  std::size_t unpadded = 0;         // bytes up to the end of the last field
};

/// Every kind of frame that encode() makes, with each command and each error. They live as long as
/// the program.
const std::vector<GoldenFrame>& golden_frames();

/// Is `received` what decoding gives after `sent` was encoded? The same, but for the zeros of
/// padding behind data that ends where the frame does (ATA replies, vendor commands).
bool arrives_as(const Body& sent, const Body& received);

/// "10 00 ffff": pairs of hexadecimal digits, spaces anywhere.
std::vector<std::uint8_t> octets(std::string_view hex);

}  // namespace aoe
