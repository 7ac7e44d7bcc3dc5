#include "initiator/engine/ata_command.h"

#include "proto/trim.h"

namespace aoe::initiator {

AtaRequest registers(AtaCommand& command, const IoRequest& request, const Identity& identity) {
  const std::uint64_t lba = command.lba;
  const std::uint32_t sectors = command.sectors;
  // A disk may say another thing of itself than when the request was accepted.
  const bool extended = identity.lba48 || lba + sectors > ata::lba28_sectors_max;
  AtaRequest ata{.sectors = static_cast<std::uint8_t>(sectors), .lba = lba};
  switch (command.kind) {
    case IoKind::read:
      ata.flags.extended = extended;
      ata.opcode = extended ? ata::Opcode::read_sectors_ext : ata::Opcode::read_sectors;
      break;
    case IoKind::write:
      ata.flags.extended = extended;
      ata.flags.write = true;
      ata.opcode = extended ? ata::Opcode::write_sectors_ext : ata::Opcode::write_sectors;
      ata.data = request.from.subspan(command.offset, sectors * sector_size);
      break;
    case IoKind::flush:
      ata.flags.extended = identity.flush_cache_ext;
      ata.opcode =
          identity.flush_cache_ext ? ata::Opcode::flush_cache_ext : ata::Opcode::flush_cache;
      ata.lba = 0;
      break;
    case IoKind::trim:
      if (command.trim == nullptr) command.trim = std::make_unique<AtaCommand::TrimBlock>();
      pack({lba, sectors}, *command.trim);
      ata.flags.extended = true;
      ata.flags.write = true;
      ata.opcode = ata::Opcode::data_set_management;
      ata.feature = ata::trim_feature;
      ata.sectors = 1;
      ata.lba = 0;
      ata.data = *command.trim;
      break;
  }
  return ata;
}

}  // namespace aoe::initiator
