#include "target/ata_device.h"

#include "proto/check.h"

namespace aoe::target {
namespace {

using ata::Opcode;

AtaRegisters failed(std::uint8_t error, const AtaRequest& request) {
  return {ata::status_drdy | ata::status_err, error, request.sectors};
}

bool is_ext(Opcode opcode) {
  return opcode == Opcode::read_sectors_ext || opcode == Opcode::read_dma_ext ||
         opcode == Opcode::write_sectors_ext || opcode == Opcode::write_dma_ext;
}

AtaOutcome transfer(const AtaDevice& disk, const AtaRequest& request, std::uint8_t sectors_max,
                    DiskAction action) {
  const bool is_write = action == DiskAction::write;
  if (request.flags.write != is_write) return ErrorCode::bad_argument;
  const bool ext = is_ext(request.opcode);
  if (ext && !request.flags.extended) return failed(ata::error_abrt, request);
  if (is_write && disk.read_only) return failed(ata::error_abrt, request);
  if (request.sectors == 0 || request.sectors > sectors_max) {
    return failed(ata::error_abrt, request);
  }
  const std::uint64_t reach =
      ext ? disk.sectors : std::min(disk.sectors, ata::lba28_sectors_max + 1);
  if (request.sectors > reach || request.lba > reach - request.sectors) {
    return failed(ata::error_idnf, request);
  }
  return action;
}

}  // namespace

AtaOutcome AtaDevice::start(const AtaRequest& request, std::uint8_t sectors_max) const {
  switch (ata::kind(request.opcode)) {
    case ata::Kind::read: return transfer(*this, request, sectors_max, DiskAction::read);
    case ata::Kind::write: return transfer(*this, request, sectors_max, DiskAction::write);
    case ata::Kind::flush: return DiskAction::flush;
    case ata::Kind::identify:
      if (request.flags.write) return ErrorCode::bad_argument;
      if (request.sectors > 1 || sectors_max == 0) return failed(ata::error_abrt, request);
      return IdentifyData{};
    case ata::Kind::other: break;
  }
  if (request.opcode == Opcode::check_power_mode) {
    constexpr std::uint8_t active_or_idle = 0xff;
    return AtaRegisters{.sectors_left = active_or_idle};
  }
  return failed(ata::error_abrt, request);
}

AtaRegisters disk_failed(DiskAction action, std::uint8_t sectors) {
  constexpr std::uint8_t failure = ata::status_drdy | ata::status_err;
  switch (action) {
    case DiskAction::read: return {failure, ata::error_unc, sectors};
    case DiskAction::write: return {failure | ata::status_df, ata::error_abrt, sectors};
    case DiskAction::flush: return {failure | ata::status_df, ata::error_abrt, 0};
  }
  AOE_CHECK(false && "an action without registers");
}

}  // namespace aoe::target
