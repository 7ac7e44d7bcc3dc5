// Recognises reads in order, and says what to fetch before it is asked for.
//
// Owned by a store for which the kernel does not read ahead; called for each read. Does no I/O.
// Keeps up to `streams` readers at different places apart.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "target/store/file.h"

namespace aoe::target {

class ReadAhead {
 public:
  static constexpr std::size_t streams = 4;
  /// Bytes read in order after which a reader is recognised.
  static constexpr std::uint64_t run_min = 32 << 10;
  /// Bytes that are fetched at once. The next are fetched when half of them were read.
  static constexpr std::uint64_t window = 1 << 20;

  /// Notes a read. Returns what to fetch now, if anything: beyond what was read and what was
  /// returned before, perhaps beyond the disk's end. Reads may come a little out of order, as they
  /// do when many are outstanding.
  std::optional<ByteRange> read(std::uint64_t offset, std::uint64_t size);

 private:
  struct Stream {
    std::uint64_t next = 0;     // where the next read in order begins
    std::uint64_t run = 0;      // bytes read in order
    std::uint64_t fetched = 0;  // everything before this was fetched
    std::uint64_t used = 0;     // when it was used last
  };

  std::array<Stream, streams> streams_{};
  std::uint64_t clock_ = 0;
};

}  // namespace aoe::target
