#include "target/lun/ata_device.h"

#include "base/check.h"
#include "proto/trim.h"

namespace aoe::target {
namespace {

using ata::Opcode;

AtaRegisters failed(std::uint8_t error, const AtaRequest& request) {
  return {ata::status_drdy | ata::status_err, error, request.sectors};
}

/// Decides about a command with an LBA and a count. `sectors_max`: the largest count.
AtaOutcome transfer(const AtaDevice& disk, const AtaRequest& request, std::uint8_t sectors_max,
                    DiskCommand command) {
  const bool is_write = command.kind == Operation::Kind::write;
  if (request.flags.write != is_write) return ErrorCode::bad_argument;
  const bool ext = ata::lba_bits(request.opcode) == 48;
  if (ext && !request.flags.extended) return failed(ata::error_abrt, request);
  if (is_write ? disk.read_only : disk.unreadable) return failed(ata::error_abrt, request);
  if (request.sectors == 0 || request.sectors > sectors_max) {
    return failed(ata::error_abrt, request);
  }
  const std::uint64_t reach =
      ext ? disk.sectors : std::min(disk.sectors, ata::lba28_sectors_max + 1);
  if (request.sectors > reach || request.lba > reach - request.sectors) {
    return failed(ata::error_idnf, request);
  }
  return command;
}

AtaOutcome trim(const AtaDevice& disk, const AtaRequest& request, std::uint8_t sectors_max) {
  if (!disk.can_trim || disk.read_only || request.feature != ata::trim_feature) {
    return failed(ata::error_abrt, request);
  }
  if (!request.flags.write) return ErrorCode::bad_argument;
  if (request.sectors == 0 || request.sectors > sectors_max) {
    return failed(ata::error_abrt, request);
  }
  const TrimList ranges(request.data);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const auto [lba, sectors] = ranges[i];
    if (sectors > disk.sectors || lba > disk.sectors - sectors) {
      return failed(ata::error_idnf, request);
    }
  }
  return DiskCommand{Operation::Kind::trim};
}

AtaOutcome smart(const AtaDevice& disk, const AtaRequest& request, std::uint8_t sectors_max) {
  const auto what = ata::Smart{request.feature};
  const auto refuse = [&] { return failed(ata::error_abrt, request); };
  if ((request.lba >> 8 & 0xffff) != ata::smart_key) return refuse();
  if (!disk.smart_enabled && what != ata::Smart::enable) return refuse();
  switch (what) {
    case ata::Smart::enable:
    case ata::Smart::disable:
    case ata::Smart::return_status: break;
    case ata::Smart::read_log:
      if ((request.lba & 0xff) != 0) return refuse();  // the only log is the directory
      [[fallthrough]];
    case ata::Smart::read_data:
    case ata::Smart::read_thresholds: break;
    default: return refuse();  // from the wire: any value
  }
  if (request.flags.write) return ErrorCode::bad_argument;
  if (request.sectors > 1 || sectors_max == 0) return refuse();
  return SmartWork{what};
}

}  // namespace

AtaOutcome AtaDevice::start(const AtaRequest& request, std::uint8_t sectors_max) const {
  switch (ata::kind(request.opcode)) {
    case ata::Kind::read: return transfer(*this, request, sectors_max, {Operation::Kind::read});
    case ata::Kind::write: return transfer(*this, request, sectors_max, {Operation::Kind::write});
    case ata::Kind::flush: return DiskCommand{Operation::Kind::flush};
    case ata::Kind::identify:
      if (request.flags.write) return ErrorCode::bad_argument;
      if (request.sectors > 1 || sectors_max == 0) return failed(ata::error_abrt, request);
      return IdentifyData{};
    case ata::Kind::other: break;
  }
  switch (request.opcode) {
    case Opcode::read_verify:
    case Opcode::read_verify_ext:
      return transfer(*this, request, 0xff, {Operation::Kind::read, true});
    case Opcode::data_set_management: return trim(*this, request, sectors_max);
    case Opcode::smart: return smart(*this, request, sectors_max);
    case Opcode::standby:
    case Opcode::standby_immediate: return DiskCommand{Operation::Kind::flush};
    case Opcode::idle:
    case Opcode::idle_immediate: return AtaRegisters{};
    case Opcode::check_power_mode: {
      constexpr std::uint8_t active_or_idle = 0xff;
      return AtaRegisters{.sectors_left = active_or_idle};
    }
    default: return failed(ata::error_abrt, request);  // from the wire: any value
  }
}

std::string_view text(DiskCommand command) {
  switch (command.kind) {
    case Operation::Kind::read: return command.is_verify ? "verify" : "read";
    case Operation::Kind::write: return "write";
    case Operation::Kind::flush: return "flush";
    case Operation::Kind::trim: return "trim";
  }
  AOE_CHECK(false && "a command without a name");
}

AtaRegisters disk_failed(Operation::Kind kind, std::uint8_t sectors) {
  constexpr std::uint8_t failure = ata::status_drdy | ata::status_err;
  if (kind == Operation::Kind::read) return {failure, ata::error_unc, sectors};
  const std::uint8_t left = kind == Operation::Kind::flush ? std::uint8_t{0} : sectors;
  return {failure | ata::status_df, ata::error_abrt, left};
}

}  // namespace aoe::target
