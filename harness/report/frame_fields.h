// A frame as its named fields: what a page shows of the bytes of a request and its answer.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "harness/judge/record.h"

namespace aoe::harness {

/// A field of a frame. Two fields may share a byte: flags and version.
struct FieldView {
  std::string name{};    // "ata.status"
  std::string value{};   // "DRDY|ERR (0x41)"; of data: "512 bytes"
  std::size_t at = 0;    // in the frame
  std::size_t size = 0;  // bytes
  bool wrong = false;    // the failure is about it
};

/// Returns the fields that the frame has, in its order, and as the last one what follows them
/// (padding). Those of an answer are wrong that the failure names.
std::vector<FieldView> fields_of(Bytes frame, const FailureRecord& failure);

/// The inverse of to_hex(); what is no pair of digits ends it.
std::vector<std::uint8_t> from_hex(std::string_view text);

}  // namespace aoe::harness
