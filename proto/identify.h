// The 512 bytes that IDENTIFY DEVICE returns: built by a target, parsed by an initiator.
//
// 256 little-endian words; strings are space-padded, with the two bytes of every word swapped; word
// 255 holds the signature 0xA5 and a checksum (ATA8-ACS). Addressed here by word number, as ATA
// does.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <tl/expected.hpp>

#include "base/bytes.h"
#include "proto/reject.h"

namespace aoe {

inline constexpr std::size_t identify_size = 512;

/// A string of at most N printable ASCII characters, held in place. Longer text is cut; a character
/// that is not printable (a peer may send any byte) becomes '?', so the text is safe on a terminal.
template <std::size_t N>
class FixedText {
 public:
  FixedText() = default;
  // NOLINTBEGIN(google-explicit-constructor): a literal is meant to fit
  FixedText(const char* text) : FixedText(std::string_view(text)) {}
  FixedText(std::string_view text) {
    for (const char c : text.substr(0, N)) text_[size_++] = c >= ' ' && c <= '~' ? c : '?';
  }
  // NOLINTEND(google-explicit-constructor)
  std::string_view view() const { return {text_.data(), size_}; }
  bool operator==(const FixedText& other) const { return view() == other.view(); }

 private:
  std::array<char, N> text_{};
  std::size_t size_ = 0;
};

/// What a disk says of itself, and all that a client of ours reads of it.
struct Identity {
  FixedText<20> serial;                      // words 10-19
  FixedText<8> firmware;                     // words 23-26
  FixedText<40> model;                       // words 27-46
  std::uint64_t sectors = 0;                 // of 512 bytes: words 100-103 with LBA48, else 60-61
  bool lba48 = false;                        // words 83 and 86, bit 10
  bool flush_cache = false;                  // bit 12
  bool flush_cache_ext = false;              // bit 13
  bool dma = false;                          // word 49 bit 8, with modes in 63 and 88
  bool smart = false;                        // words 82 and 85, bit 0
  bool power_management = false;             // bit 3
  bool write_cache = false;                  // bit 5
  std::uint32_t physical_sector_size = 512;  // bytes, a power of two: word 106
  bool trim = false;                         // word 169 bit 0
  std::uint16_t trim_blocks_max = 0;         // with it: of 512 bytes, in one command: word 105
  bool trimmed_reads_zero = false;           // with it: word 69 bits 14 and 5
  std::optional<std::uint16_t> rotation{};   // a minute, 0: it does not rotate: word 217
  /// Set by parse: word 255 carries its signature and the checksum is wrong, so the data is
  /// damaged.
  bool checksum_wrong = false;

  bool operator==(const Identity&) const = default;
};

/// Fills all 512 bytes. `sectors` is at most 2^48; word 60-61 is clamped to what LBA28 reaches.
void build_identify(const Identity& identity, std::span<std::uint8_t, identify_size> out);

/// What to make of words 49, 83 and 86 that ATA does not allow.
enum class Reading : std::uint8_t {
  strict,  // as ATA has it: without the LBA bit a reject; LBA48 if both words say so, and are valid
  lenient,  // as initiators in the field: no LBA bit needed; LBA48 if one of the words says so; and
            // with LBA48, words 60-61 count where words 100-103 are zero
};

/// Reads IDENTIFY data from the wire; bytes after the first 512 are ignored.
/// Rejects: identify_too_short, identify_not_lba, identify_sector_size (logical sectors that are
/// not 512), identify_too_large.
tl::expected<Identity, Reject> parse_identify(Bytes data, Reading reading = Reading::strict);

/// `count` words of the 512 bytes as a number, the first word its least significant.
std::uint64_t identify_words(Bytes block, std::size_t first, std::size_t count = 1);
void set_identify_words(MutableBytes block, std::size_t first, std::size_t count,
                        std::uint64_t value);
/// Sets word 255: its signature, and the checksum that fits.
void seal_identify(MutableBytes block);

}  // namespace aoe
