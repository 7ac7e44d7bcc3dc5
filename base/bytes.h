// Bytes, and bounded cursors (Reader, Writer) over them.
//
// A cursor owns nothing and moves forward only. Callers check that the bytes exist, and reject a
// frame that is too short, before they read; reading past the end is a bug of ours and asserted.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/check.h"

namespace aoe {

using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

/// Copies `from` to the front of `to`, which must have room for it and must not overlap it. (GCC 12
/// makes a loop over single bytes of std::ranges::copy between spans.)
inline void copy(Bytes from, MutableBytes to) {
  AOE_CHECK(from.size() <= to.size());
  if (!from.empty()) std::memcpy(to.data(), from.data(), from.size());
}

/// Reads big-endian (network order) numbers.
class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_(bytes) {}

  std::uint8_t u8() { return take(1)[0]; }
  std::uint16_t u16() {
    const Bytes b = take(2);
    return static_cast<std::uint16_t>(b[0] << 8 | b[1]);
  }
  std::uint32_t u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }
  Bytes take(std::size_t count) {
    AOE_CHECK(count <= bytes_.size());
    const Bytes taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }
  Bytes rest() const { return bytes_; }
  std::size_t remaining() const { return bytes_.size(); }

 private:
  Bytes bytes_;
};

/// Writes big-endian numbers.
class Writer {
 public:
  explicit Writer(MutableBytes bytes) : bytes_(bytes) {}

  void u8(std::uint8_t value) { room(1)[0] = value; }
  void u16(std::uint16_t value) {
    const MutableBytes b = room(2);
    b[0] = static_cast<std::uint8_t>(value >> 8);
    b[1] = static_cast<std::uint8_t>(value);
  }
  void u32(std::uint32_t value) {
    u16(static_cast<std::uint16_t>(value >> 16));
    u16(static_cast<std::uint16_t>(value));
  }
  void bytes(Bytes source) { copy(source, room(source.size())); }
  /// Leaves `count` bytes unchanged: the caller has written them already.
  void skip(std::size_t count) { room(count); }
  void zeros(std::size_t count) { std::ranges::fill(room(count), std::uint8_t{0}); }
  std::size_t written() const { return written_; }

 private:
  MutableBytes room(std::size_t count) {
    AOE_CHECK(count <= bytes_.size() - written_);
    const MutableBytes place = bytes_.subspan(written_, count);
    written_ += count;
    return place;
  }

  MutableBytes bytes_;
  std::size_t written_ = 0;
};

}  // namespace aoe
