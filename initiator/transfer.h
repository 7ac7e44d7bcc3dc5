// Copies between an AoE disk and a file descriptor: `aoe-initiator read` and `write`.
//
// Keeps several large requests outstanding, and moves bytes in order. Nothing is outstanding while
// a descriptor makes it wait, so a slow reader or writer at the other end costs no retransmission.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "initiator/old_client.h"

namespace aoe::initiator {

/// A part of a disk, in bytes; need not begin or end with a sector. No length: to the end of the
/// disk (or, for a write, of the input).
struct Extent {
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

/// Bytes moved, or what went wrong: "e0.2: reading at sector 1024: device is down".
using Transferred = tl::expected<std::uint64_t, std::string>;

/// Reads `extent` of a disk that is up, and writes it to `descriptor`.
Transferred read_disk(OldClient& client, const Device& device, const Extent& extent,
                      int descriptor);

/// Writes what `descriptor` gives to `extent` of the disk, then flushes the disk's cache: on
/// success the data is stable. A sector that is written in part keeps its other bytes. Input that
/// is known not to fit is refused before anything is written. With a length, input that ends early
/// is an error, and what follows is left unread.
Transferred write_disk(OldClient& client, const Device& device, const Extent& extent,
                       int descriptor);

}  // namespace aoe::initiator
