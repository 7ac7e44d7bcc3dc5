// What DATA SET MANAGEMENT with the TRIM bit carries: ranges of sectors that a client no longer
// needs, as 8-byte little-endian entries in blocks of 512 bytes (ACS-2, 7.10).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/check.h"

namespace aoe {

struct SectorRange {
  std::uint64_t lba = 0;      // below 2^48
  std::uint64_t sectors = 0;  // in an entry 0 to 65535; one of 0 names nothing

  bool operator==(const SectorRange&) const = default;
};

/// A view of the entries in the form that they have on the wire; nothing is copied.
class TrimList {
 public:
  static constexpr std::size_t entry_size = 8;

  /// `packed` holds a whole number of entries.
  explicit TrimList(Bytes packed) : packed_(packed) { AOE_CHECK(packed.size() % entry_size == 0); }

  std::size_t size() const { return packed_.size() / entry_size; }
  SectorRange operator[](std::size_t i) const {
    AOE_CHECK(i < size());
    std::uint64_t entry = 0;
    for (std::size_t byte = entry_size; byte-- > 0;) {
      entry = entry << 8 | packed_[i * entry_size + byte];
    }
    constexpr std::uint64_t lba_mask = (std::uint64_t{1} << 48) - 1;
    return {entry & lba_mask, entry >> 48};
  }
  Bytes packed() const { return packed_; }

 private:
  Bytes packed_;
};

/// Packs a range of any length into entries from the front of `block`, and zeros the rest.
/// `block` is a multiple of 8 bytes, and has an entry for each 65535 sectors.
inline void pack(SectorRange range, MutableBytes block) {
  constexpr std::uint64_t entry_sectors_max = 0xffff;
  for (std::size_t at = 0; at < block.size(); at += TrimList::entry_size) {
    const std::uint64_t sectors = std::min(range.sectors, entry_sectors_max);
    const std::uint64_t entry = sectors == 0 ? 0 : sectors << 48 | range.lba;
    for (std::size_t byte = 0; byte < TrimList::entry_size; ++byte) {
      block[at + byte] = static_cast<std::uint8_t>(entry >> (8 * byte));
    }
    range.lba += sectors;
    range.sectors -= sectors;
  }
  AOE_CHECK(range.sectors == 0);
}

}  // namespace aoe
