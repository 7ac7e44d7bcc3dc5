#include "proto/ata.h"

namespace aoe::ata {

Kind kind(Opcode opcode) {
  switch (opcode) {
    case Opcode::read_sectors:
    case Opcode::read_sectors_ext:
    case Opcode::read_dma:
    case Opcode::read_dma_ext: return Kind::read;
    case Opcode::write_sectors:
    case Opcode::write_sectors_ext:
    case Opcode::write_dma:
    case Opcode::write_dma_ext: return Kind::write;
    case Opcode::flush_cache:
    case Opcode::flush_cache_ext: return Kind::flush;
    case Opcode::identify_device: return Kind::identify;
    case Opcode::data_set_management:
    case Opcode::read_verify:
    case Opcode::read_verify_ext:
    case Opcode::smart:
    case Opcode::standby_immediate:
    case Opcode::idle_immediate:
    case Opcode::standby:
    case Opcode::idle:
    case Opcode::check_power_mode: return Kind::other;
  }
  return Kind::other;  // from the wire: any value
}

std::string_view name(Opcode opcode) {
  switch (opcode) {
    case Opcode::data_set_management: return "DATA SET MANAGEMENT";
    case Opcode::read_sectors: return "READ";
    case Opcode::read_sectors_ext: return "READ EXT";
    case Opcode::read_dma: return "READ DMA";
    case Opcode::read_dma_ext: return "READ DMA EXT";
    case Opcode::write_sectors: return "WRITE";
    case Opcode::write_sectors_ext: return "WRITE EXT";
    case Opcode::write_dma: return "WRITE DMA";
    case Opcode::write_dma_ext: return "WRITE DMA EXT";
    case Opcode::read_verify: return "READ VERIFY";
    case Opcode::read_verify_ext: return "READ VERIFY EXT";
    case Opcode::smart: return "SMART";
    case Opcode::standby_immediate: return "STANDBY IMMEDIATE";
    case Opcode::idle_immediate: return "IDLE IMMEDIATE";
    case Opcode::standby: return "STANDBY";
    case Opcode::idle: return "IDLE";
    case Opcode::check_power_mode: return "CHECK POWER MODE";
    case Opcode::flush_cache: return "FLUSH CACHE";
    case Opcode::flush_cache_ext: return "FLUSH CACHE EXT";
    case Opcode::identify_device: return "IDENTIFY";
  }
  return "ATA";
}

}  // namespace aoe::ata
