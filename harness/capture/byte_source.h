// Where a capture's bytes come from: the seam between the parser of its format and the file.
#pragma once

#include <cstddef>
#include <string>

#include <tl/expected.hpp>

#include "base/bytes.h"

namespace aoe::harness {

class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  /// Returns the next `size` bytes, fewer at the end of the input. They are valid until the next
  /// call. An error says what failed, and names no file.
  virtual tl::expected<Bytes, std::string> take(std::size_t size) = 0;
};

}  // namespace aoe::harness
