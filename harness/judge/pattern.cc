#include "harness/judge/pattern.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "proto/codes.h"

namespace aoe::harness {
namespace {

using Words = std::array<std::uint64_t, sector_size / sizeof(std::uint64_t)>;

constexpr std::uint64_t golden = 0x9e37'79b9'7f4a'7c15;
constexpr std::uint64_t magic = 0x3f45'6f41'0000'0000;  // above a version

/// Differs in every word for every label and place; a loop that the compiler turns into vectors.
Words pattern(const PatternLabel& label) {
  std::uint64_t mixed = label.lba * golden ^ (std::uint64_t{label.version} << 32 | 0x5a5a);
  mixed = (mixed ^ mixed >> 30) * 0xbf58'476d'1ce4'e5b9;
  mixed = (mixed ^ mixed >> 27) * 0x94d0'49bb'1331'11eb;
  mixed ^= mixed >> 31;
  Words words;
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = mixed + i * golden;
  words[0] = label.lba;
  words[1] = magic | label.version;
  return words;
}

}  // namespace

void fill_pattern(std::uint64_t lba, Version version, MutableBytes sectors) {
  for (std::size_t offset = 0; offset < sectors.size(); offset += sector_size, ++lba) {
    const Words words = pattern({lba, version});
    std::memcpy(sectors.data() + offset, words.data(), sector_size);
  }
}

void fill(const Content& content, std::uint64_t lba, bool disk_has_pattern, MutableBytes sectors) {
  if (content.kind == Content::Kind::pattern && disk_has_pattern) {
    fill_pattern(lba, 0, sectors);
  } else if (content.kind == Content::Kind::bytes) {
    for (std::size_t i = 0; i < sectors.size(); ++i) {
      sectors[i] = content.bytes[i % content.bytes.size()];
    }
  } else {
    std::ranges::fill(sectors, std::uint8_t{0});
  }
}

std::optional<PatternLabel> read_label(Bytes sector) {
  std::array<std::uint64_t, 2> label;
  std::memcpy(label.data(), sector.data(), sizeof label);
  constexpr std::uint64_t version_mask = UINT32_MAX;
  if ((label[1] & ~version_mask) != magic) return std::nullopt;
  return PatternLabel{label[0], static_cast<Version>(label[1] & version_mask)};
}

bool holds_pattern(const PatternLabel& label, Bytes sector) {
  const Words words = pattern(label);
  return std::memcmp(sector.data(), words.data(), sector_size) == 0;
}

}  // namespace aoe::harness
