// The numbers of AoEr11: every code point that a field of the header or of an Arg can hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace aoe {

/// §2: the EtherType of AoE, and the only protocol version there is.
inline constexpr std::uint16_t ethertype = 0x88a2;
inline constexpr std::uint8_t protocol_version = 1;

/// §2: sizes in bytes; the Ethernet header is included, a frame check sequence never.
inline constexpr std::size_t ethernet_header_size = 14;
inline constexpr std::size_t header_size = 24;
inline constexpr std::size_t frame_size_min = 60;
inline constexpr std::size_t sector_size = 512;
inline constexpr std::size_t ata_header_size = header_size + 12;
inline constexpr std::size_t config_header_size = header_size + 8;
inline constexpr std::size_t config_string_size_max = 1024;

/// §2: the flags in the low nibble of byte 14.
inline constexpr std::uint8_t flag_response = 0x8;
inline constexpr std::uint8_t flag_error = 0x4;

/// §2 Command. 240-255 are vendor specific, everything else is unknown.
enum class Command : std::uint8_t { ata = 0, config = 1, mask = 2, reserve = 3 };
inline constexpr std::uint8_t vendor_command_min = 240;

/// §2.4
enum class ErrorCode : std::uint8_t {
  unrecognized_command = 1,
  bad_argument = 2,
  device_unavailable = 3,
  config_string_present = 4,
  unsupported_version = 5,
  target_reserved = 6,
};

/// §3.2 CCmd
enum class ConfigCommand : std::uint8_t { read = 0, test = 1, prefix = 2, set = 3, force_set = 4 };

/// §3.3 MCmd, MError and DCmd
enum class MaskCommand : std::uint8_t { read = 0, edit = 1 };
enum class MaskError : std::uint8_t { none = 0, unspecified = 1, bad_directive = 2, list_full = 3 };
enum class DirectiveCommand : std::uint8_t { none = 0, add = 1, remove = 2 };

/// §3.4 RCmd
enum class ReserveCommand : std::uint8_t { read = 0, set = 1, force_set = 2 };

/// Names for logs and reports. An ErrorCode may come from a peer and hold any value: "unknown
/// error".
std::string_view text(ErrorCode code);
std::string_view text(ConfigCommand command);
std::string_view text(MaskError error);

/// §3.1: the most sectors that a frame carries at this MTU (bytes): 2 at 1500, 17 at 9000, never
/// above 255.
constexpr std::uint8_t sectors_per_frame(std::size_t mtu) {
  constexpr std::size_t overhead = ata_header_size - ethernet_header_size;
  const std::size_t fit = mtu < overhead ? 0 : (mtu - overhead) / sector_size;
  return static_cast<std::uint8_t>(fit < 255 ? fit : 255);
}

/// §3.3, §3.4: the longest mask list and reserve list that one reply carries at this MTU (bytes):
/// 185 and 248 at 1500, never above the 255 of their count byte.
constexpr std::size_t mask_entries_per_frame(std::size_t mtu) {
  const std::size_t fit = mtu < 14 ? 0 : (mtu - 14) / 8;
  return fit < 255 ? fit : 255;
}
constexpr std::size_t reserve_entries_per_frame(std::size_t mtu) {
  const std::size_t fit = mtu < 12 ? 0 : (mtu - 12) / 6;
  return fit < 255 ? fit : 255;
}

}  // namespace aoe
