// Recognises who reads a disk in order, and says what to fetch before it is asked for.
//
// Owned by a store whose kernel does not read ahead by itself; called for each read. Knows numbers
// only. Readers of several places at once are kept apart, up to `streams`.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace aoe::target {

class ReadAhead {
 public:
  static constexpr std::size_t streams = 4;
  /// So much in order is no accident, bytes.
  static constexpr std::uint64_t run_min = 32 << 10;
  /// So much is fetched at once, and the next when half of it was read.
  static constexpr std::uint64_t window = 1 << 20;

  struct Range {
    std::uint64_t offset;
    std::uint64_t size;

    bool operator==(const Range&) const = default;
  };

  /// Notes a read, and gives what to fetch now, if anything: beyond what was read and what was
  /// given before. It may reach beyond the disk's end. Reads may come a little out of order, as
  /// they do when many are outstanding.
  std::optional<Range> read(std::uint64_t offset, std::uint64_t size);

 private:
  struct Stream {
    std::uint64_t next = 0;     // where its reader goes on
    std::uint64_t run = 0;      // bytes read in order
    std::uint64_t fetched = 0;  // what lies before is on its way
    std::uint64_t used = 0;     // when it was used last
  };

  std::array<Stream, streams> streams_{};
  std::uint64_t clock_ = 0;
};

}  // namespace aoe::target
