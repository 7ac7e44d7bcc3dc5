// The ATA that travels inside AoE command 0: opcodes, and the bits of the status and error
// registers.
//
// Opcodes come from peers and may hold any value; compare, never assume. Names as in ATA8-ACS.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace aoe::ata {

enum class Opcode : std::uint8_t {
  data_set_management = 0x06,
  read_sectors = 0x20,
  read_sectors_ext = 0x24,
  read_dma_ext = 0x25,
  write_sectors = 0x30,
  write_sectors_ext = 0x34,
  write_dma_ext = 0x35,
  read_verify = 0x40,
  read_verify_ext = 0x42,
  smart = 0xb0,
  read_dma = 0xc8,
  write_dma = 0xca,
  standby_immediate = 0xe0,
  idle_immediate = 0xe1,
  standby = 0xe2,
  idle = 0xe3,
  check_power_mode = 0xe5,
  flush_cache = 0xe7,
  flush_cache_ext = 0xea,
  identify_device = 0xec,
};

/// What an opcode asks for, as far as the wire is concerned.
enum class Kind : std::uint8_t { read, write, flush, identify, other };

namespace detail {

struct Row {
  Opcode opcode{};
  std::string_view name = "ATA";
  Kind kind = Kind::other;
  unsigned lba_bits = 0;
};

inline constexpr std::array known{
    Row{Opcode::data_set_management, "DATA SET MANAGEMENT"},
    Row{Opcode::read_sectors, "READ", Kind::read, 28},
    Row{Opcode::read_sectors_ext, "READ EXT", Kind::read, 48},
    Row{Opcode::read_dma_ext, "READ DMA EXT", Kind::read, 48},
    Row{Opcode::write_sectors, "WRITE", Kind::write, 28},
    Row{Opcode::write_sectors_ext, "WRITE EXT", Kind::write, 48},
    Row{Opcode::write_dma_ext, "WRITE DMA EXT", Kind::write, 48},
    Row{Opcode::read_verify, "READ VERIFY", Kind::other, 28},
    Row{Opcode::read_verify_ext, "READ VERIFY EXT", Kind::other, 48},
    Row{Opcode::smart, "SMART"},
    Row{Opcode::read_dma, "READ DMA", Kind::read, 28},
    Row{Opcode::write_dma, "WRITE DMA", Kind::write, 28},
    Row{Opcode::standby_immediate, "STANDBY IMMEDIATE"},
    Row{Opcode::idle_immediate, "IDLE IMMEDIATE"},
    Row{Opcode::standby, "STANDBY"},
    Row{Opcode::idle, "IDLE"},
    Row{Opcode::check_power_mode, "CHECK POWER MODE"},
    Row{Opcode::flush_cache, "FLUSH CACHE", Kind::flush},
    Row{Opcode::flush_cache_ext, "FLUSH CACHE EXT", Kind::flush},
    Row{Opcode::identify_device, "IDENTIFY", Kind::identify},
};

/// By the opcode's number, which may be any that a byte holds.
inline constexpr std::array rows = [] {
  std::array<Row, 256> rows{};
  for (const Row& row : known) rows[static_cast<std::uint8_t>(row.opcode)] = row;
  return rows;
}();

constexpr const Row& row(Opcode opcode) {
  return rows[static_cast<std::uint8_t>(opcode)];
}

}  // namespace detail

constexpr Kind kind(Opcode opcode) {
  return detail::row(opcode).kind;
}

/// The width of the LBA of a command that names sectors of the disk: 28, or 48, for which a frame
/// needs flag E; 0 for other commands.
constexpr unsigned lba_bits(Opcode opcode) {
  return detail::row(opcode).lba_bits;
}

/// "READ", "WRITE EXT", …; "ATA" for an opcode that is not in the list above.
constexpr std::string_view name(Opcode opcode) {
  return detail::row(opcode).name;
}

/// SMART has one opcode; the feature register says what is asked for.
enum class Smart : std::uint8_t {
  read_data = 0xd0,
  read_thresholds = 0xd1,
  read_log = 0xd5,
  enable = 0xd8,
  disable = 0xd9,
  return_status = 0xda,
};
/// The LBA high and mid registers of every SMART request, and of a reply to RETURN STATUS from a
/// disk that is well; or from one that exceeds a threshold.
inline constexpr std::uint64_t smart_key = 0xc24f;
inline constexpr std::uint64_t smart_failing = 0x2cf4;

/// The feature register of DATA SET MANAGEMENT.
inline constexpr std::uint8_t trim_feature = 0x01;

// Status register.
inline constexpr std::uint8_t status_err = 0x01;   // the error register tells
inline constexpr std::uint8_t status_drq = 0x08;   // data request
inline constexpr std::uint8_t status_df = 0x20;    // device fault
inline constexpr std::uint8_t status_drdy = 0x40;  // device ready
inline constexpr std::uint8_t status_bsy = 0x80;

/// A reply whose status has one of these did not succeed: BSY, DF, DRQ, ERR.
inline constexpr std::uint8_t status_failed = status_bsy | status_df | status_drq | status_err;

// Error register, valid with status_err.
inline constexpr std::uint8_t error_abrt = 0x04;  // aborted: unknown or refused command
inline constexpr std::uint8_t error_idnf = 0x10;  // id not found: an LBA outside the disk
inline constexpr std::uint8_t error_unc = 0x40;   // uncorrectable data
inline constexpr std::uint8_t error_icrc = 0x80;  // damaged between the disk and its host

/// Returns what the status and error registers of a command that failed mean.
constexpr std::string_view failure_text(std::uint8_t status, std::uint8_t error) {
  if ((status & status_bsy) != 0) return "the disk is busy";
  if ((status & status_err) != 0) {
    if ((error & error_unc) != 0) return "data that can't be read, or write protection";
    if ((error & error_idnf) != 0) return "no such sector";
    if ((error & error_icrc) != 0) return "data damaged on the way to the disk";
    if ((error & error_abrt) != 0) return "a command that the disk does not know, or refuses";
  }
  if ((status & status_df) != 0) return "a fault of the disk";
  return "no reason given";
}

/// LBA28 reaches 2^28 - 1 sectors (the capacity field's limit), LBA48 2^48.
inline constexpr std::uint64_t lba28_sectors_max = 0x0fff'ffff;
inline constexpr std::uint64_t lba48_sectors_max = std::uint64_t{1} << 48;

}  // namespace aoe::ata
