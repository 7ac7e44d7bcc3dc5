#include "harness/data/pattern.h"

#include <array>
#include <cstring>

#include "proto/codes.h"

namespace aoe::harness {
namespace {

using Words = std::array<std::uint64_t, sector_size / sizeof(std::uint64_t)>;

/// Every word depends on address, version and its place, so that no piece of one sector passes for
/// another.
Words pattern(std::uint64_t lba, std::uint32_t version) {
  constexpr std::uint64_t golden = 0x9e37'79b9'7f4a'7c15;
  Words words;
  std::uint64_t state = lba * golden ^ (std::uint64_t{version} << 32 | 0x5a5a);
  for (std::uint64_t& word : words) {
    state += golden;
    std::uint64_t mixed = (state ^ state >> 30) * 0xbf58'476d'1ce4'e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d0'49bb'1331'11eb;
    word = mixed ^ mixed >> 31;
  }
  return words;
}

}  // namespace

void fill_pattern(std::uint64_t lba, std::uint32_t version, MutableBytes sectors) {
  for (std::size_t offset = 0; offset < sectors.size(); offset += sector_size, ++lba) {
    const Words words = pattern(lba, version);
    std::memcpy(sectors.data() + offset, words.data(), sector_size);
  }
}

bool holds_pattern(std::uint64_t lba, std::uint32_t version, Bytes sector) {
  const Words words = pattern(lba, version);
  return std::memcmp(sector.data(), words.data(), sector_size) == 0;
}

}  // namespace aoe::harness
