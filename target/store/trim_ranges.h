// The ranges that a trim covers, as few as possible: a client splits a large range into entries of
// 65535 sectors.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "proto/codes.h"
#include "proto/trim.h"
#include "target/store/file.h"

namespace aoe::target {

/// Goes through a TrimList once. Entries that continue each other become one range; entries without
/// sectors are skipped.
class TrimRanges {
 public:
  /// `packed` outlives this. `most`: upper bound on the length of a range, bytes; at least that of
  /// an entry.
  explicit TrimRanges(Bytes packed, std::uint64_t most = ~std::uint64_t{0})
      : list_(packed), most_(most) {}

  /// Returns the next range, in bytes; nothing after the last.
  std::optional<ByteRange> next() {
    ByteRange range;
    for (; at_ < list_.size(); ++at_) {
      const std::uint64_t offset = list_[at_].lba * sector_size;
      const std::uint64_t length = list_[at_].sectors * sector_size;
      if (length == 0) continue;
      if (range.length == 0) {
        range = {offset, length};
      } else if (offset == range.offset + range.length && length <= most_ - range.length) {
        range.length += length;
      } else {
        break;
      }
    }
    if (range.length == 0) return std::nullopt;
    return range;
  }

 private:
  TrimList list_;
  std::uint64_t most_;
  std::size_t at_ = 0;
};

}  // namespace aoe::target
