#include "proto/ata.h"

#include <array>

namespace aoe::ata {
namespace {

struct Row {
  Opcode opcode{};
  std::string_view name = "ATA";
  Kind kind = Kind::other;
  unsigned lba_bits = 0;
};

constexpr std::array known{
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
constexpr std::array rows = [] {
  std::array<Row, 256> rows{};
  for (const Row& row : known) rows[static_cast<std::uint8_t>(row.opcode)] = row;
  return rows;
}();

constexpr const Row& row(Opcode opcode) {
  return rows[static_cast<std::uint8_t>(opcode)];
}

}  // namespace

Kind kind(Opcode opcode) {
  return row(opcode).kind;
}

unsigned lba_bits(Opcode opcode) {
  return row(opcode).lba_bits;
}

std::string_view name(Opcode opcode) {
  return row(opcode).name;
}

}  // namespace aoe::ata
