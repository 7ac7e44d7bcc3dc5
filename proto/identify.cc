#include "proto/identify.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "proto/ata.h"
#include "proto/codes.h"

namespace aoe {
namespace {

using Block = std::span<std::uint8_t, identify_size>;

constexpr std::uint8_t integrity_signature = 0xa5;
constexpr std::uint16_t lba_bit = 1 << 9;                      // word 49
constexpr std::uint16_t dma_bit = 1 << 8;                      // word 49
constexpr std::uint16_t smart_bit = 1 << 0;                    // words 82 and 85
constexpr std::uint16_t power_management_bit = 1 << 3;         // words 82 and 85
constexpr std::uint16_t write_cache_bit = 1 << 5;              // words 82 and 85
constexpr std::uint16_t trimmed_zero_bits = 1 << 14 | 1 << 5;  // word 69: always the same, zeros
constexpr std::uint16_t does_not_rotate = 1;                   // word 217
constexpr std::uint16_t rotation_min = 0x0401;                 // word 217
constexpr std::uint16_t rotation_max = 0xfffe;                 // word 217
constexpr std::uint16_t lba48_bit = 1 << 10;                   // words 83 and 86
constexpr std::uint16_t flush_bit = 1 << 12;
constexpr std::uint16_t flush_ext_bit = 1 << 13;
constexpr std::uint16_t valid_bit =
    1 << 14;  // bits 15:14 of words 83, 84, 87 and 106 read 01 when valid

void put_word(Block block, std::size_t word, std::uint64_t value) {
  block[2 * word] = static_cast<std::uint8_t>(value);
  block[2 * word + 1] = static_cast<std::uint8_t>(value >> 8);
}

void put_words(Block block, std::size_t word, std::size_t count, std::uint64_t value) {
  for (std::size_t i = 0; i < count; ++i) put_word(block, word + i, value >> (16 * i));
}

void put_text(Block block, std::size_t word, std::size_t words, std::string_view text) {
  for (std::size_t i = 0; i < 2 * words; ++i) {
    block[2 * word + (i ^ 1)] = static_cast<std::uint8_t>(i < text.size() ? text[i] : ' ');
  }
}

std::uint8_t sum(Bytes bytes) {
  return static_cast<std::uint8_t>(std::accumulate(bytes.begin(), bytes.end(), 0U));
}

class Words {
 public:
  explicit Words(Bytes data) : data_(data) {}
  std::uint16_t operator[](std::size_t word) const {
    return static_cast<std::uint16_t>(data_[2 * word] | data_[2 * word + 1] << 8);
  }
  std::uint64_t number(std::size_t word, std::size_t count) const {
    std::uint64_t value = 0;
    for (std::size_t i = count; i-- > 0;) value = value << 16 | (*this)[word + i];
    return value;
  }
  template <std::size_t N>
  FixedText<N> text(std::size_t word) const {
    std::array<char, N> chars;
    for (std::size_t i = 0; i < N; ++i) chars[i] = static_cast<char>(data_[2 * word + (i ^ 1)]);
    std::string_view view(chars.data(), N);
    view = view.substr(0, view.find('\0'));
    while (view.ends_with(' ')) view.remove_suffix(1);
    while (view.starts_with(' ')) view.remove_prefix(1);
    return view;
  }
  /// A word whose bits 15:14 must read 01 for the others to mean anything; 0 when they don't.
  std::uint16_t valid(std::size_t word) const {
    const std::uint16_t value = (*this)[word];
    return (value & 0xc000) == valid_bit ? value : std::uint16_t{0};
  }

 private:
  Bytes data_;
};

}  // namespace

void build_identify(const Identity& identity, Block out) {
  AOE_CHECK(identity.sectors <= ata::lba48_sectors_max);
  AOE_CHECK(identity.physical_sector_size >= sector_size &&
            identity.physical_sector_size <= sector_size << 15 &&  // four bits of word 106
            std::has_single_bit(identity.physical_sector_size));
  std::ranges::fill(out, std::uint8_t{0});
  const auto sectors28 = std::min(identity.sectors, ata::lba28_sectors_max);

  put_word(out, 0, 0x0040);  // a fixed ATA device
  put_text(out, 10, 10, identity.serial.view());
  put_text(out, 23, 4, identity.firmware.view());
  put_text(out, 27, 20, identity.model.view());
  put_word(out, 49, identity.dma ? lba_bit | dma_bit : lba_bit);
  put_word(out, 50, valid_bit);
  put_words(out, 60, 2, sectors28);
  if (identity.dma) {
    put_word(out, 53, 1 << 2);  // word 88 is valid
    put_word(out, 63, 0x0007);  // multiword DMA modes 0 to 2
    put_word(out, 88, 0x003f);  // Ultra DMA modes 0 to 5
  }
  put_word(out, 80, 0x03f0);  // ATA/ATAPI-4 to ACS-2

  std::uint16_t commands = 0;
  if (identity.smart) commands |= smart_bit;
  if (identity.power_management) commands |= power_management_bit;
  if (identity.write_cache) commands |= write_cache_bit;
  put_word(out, 82, commands);
  put_word(out, 85, commands);

  std::uint16_t features = 0;
  if (identity.lba48) features |= lba48_bit;
  if (identity.flush_cache) features |= flush_bit;
  if (identity.flush_cache_ext) features |= flush_ext_bit;
  put_word(out, 83, features | valid_bit);
  put_word(out, 84, valid_bit);
  put_word(out, 86, features);
  put_word(out, 87, valid_bit);
  if (identity.lba48) put_words(out, 100, 4, identity.sectors);

  if (identity.trim) {
    if (identity.trimmed_reads_zero) put_word(out, 69, trimmed_zero_bits);
    put_word(out, 105, identity.trim_blocks_max);
    put_word(out, 169, 1);
  }
  if (identity.rotation) {
    put_word(out, 217, *identity.rotation == 0 ? does_not_rotate : *identity.rotation);
  }
  const auto exponent = std::countr_zero(identity.physical_sector_size / sector_size);
  if (exponent > 0) {
    put_word(out, 106, static_cast<std::uint64_t>(valid_bit | 1 << 13 | exponent));
    put_word(out, 209, valid_bit);  // logical sector 0 begins a physical one
  }
  seal_identify(out);
}

tl::expected<Identity, Reject> parse_identify(Bytes data, Reading reading) {
  if (data.size() < identify_size) {
    return tl::unexpected(Reject{Rule::identify_too_short, ata_header_size,
                                 static_cast<std::uint32_t>(data.size()), identify_size});
  }
  data = data.first(identify_size);
  const Words words(data);
  const auto reject = [](Rule rule, std::size_t word, std::uint32_t have, std::uint32_t need) {
    const auto offset = static_cast<std::uint16_t>(ata_header_size + 2 * word);
    return tl::unexpected(Reject{rule, offset, have, need});
  };

  const bool is_strict = reading == Reading::strict;
  if (is_strict && (words[49] & lba_bit) == 0)
    return reject(Rule::identify_not_lba, 49, words[49], lba_bit);
  Identity identity;
  if (const std::uint16_t sizes = words.valid(106); sizes != 0) {
    if ((sizes & 1 << 12) != 0) {
      const auto logical_words = static_cast<std::uint32_t>(words.number(117, 2));
      if (logical_words != sector_size / 2) {
        return reject(Rule::identify_sector_size, 117, logical_words, sector_size / 2);
      }
    }
    if ((sizes & 1 << 13) != 0) identity.physical_sector_size = 512U << (sizes & 0xf);
  }
  identity.serial = words.text<20>(10);
  identity.firmware = words.text<8>(23);
  identity.model = words.text<40>(27);
  const auto features = static_cast<std::uint16_t>(words.valid(83) & words[86]);
  const auto commands = static_cast<std::uint16_t>(words[82] & words[85]);
  identity.dma = (words[49] & dma_bit) != 0;
  identity.smart = (commands & smart_bit) != 0;
  identity.power_management = (commands & power_management_bit) != 0;
  identity.write_cache = (commands & write_cache_bit) != 0;
  identity.trim = (words[169] & 1) != 0;
  if (identity.trim) {
    identity.trim_blocks_max = words[105];
    identity.trimmed_reads_zero = (words[69] & trimmed_zero_bits) == trimmed_zero_bits;
  }
  const std::uint16_t rotation = words[217];
  if (rotation == does_not_rotate) identity.rotation = std::uint16_t{0};
  if (rotation >= rotation_min && rotation <= rotation_max) identity.rotation = rotation;
  const std::uint16_t claims = is_strict ? features : words[83] | words[86];
  identity.lba48 = (claims & lba48_bit) != 0;
  identity.flush_cache = (features & flush_bit) != 0;
  identity.flush_cache_ext = (features & flush_ext_bit) != 0;
  const bool has_large_size = is_strict || words.number(100, 4) != 0;
  identity.sectors = identity.lba48 && has_large_size ? words.number(100, 4) : words.number(60, 2);
  const auto reach = identity.lba48 ? ata::lba48_sectors_max : ata::lba28_sectors_max;
  if (identity.sectors > reach) {
    return reject(Rule::identify_too_large, identity.lba48 ? 100 : 60,
                  static_cast<std::uint32_t>(std::min<std::uint64_t>(identity.sectors, UINT32_MAX)),
                  static_cast<std::uint32_t>(std::min<std::uint64_t>(reach, UINT32_MAX)));
  }
  identity.checksum_wrong = (words[255] & 0xff) == integrity_signature && sum(data) != 0;
  return identity;
}

std::uint64_t identify_words(Bytes block, std::size_t first, std::size_t count) {
  return Words(block).number(first, count);
}

void set_identify_words(MutableBytes block, std::size_t first, std::size_t count,
                        std::uint64_t value) {
  put_words(block.first<identify_size>(), first, count, value);
}

void seal_identify(MutableBytes block) {
  put_word(block.first<identify_size>(), 255, integrity_signature);
  block[identify_size - 1] = static_cast<std::uint8_t>(-sum(block.first(identify_size)));
}

}  // namespace aoe
