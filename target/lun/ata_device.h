// The ATA device inside a LUN: decides what becomes of a command.
//
// A pure function of the request and of what the disk is; the caller has the disk transfer the
// data. Rules, in the order they are checked (AoEr11 §3.1, ATA8-ACS):
// - IDENTIFY, READ and WRITE (SECTORS and DMA, plain and EXT), READ VERIFY (EXT), FLUSH CACHE
//   (EXT), CHECK POWER MODE, IDLE and STANDBY (IMMEDIATE), SMART, and DATA SET MANAGEMENT (TRIM)
//   where the store can trim, are known; any other opcode is aborted (ABRT).
// - W must be set for a write and for TRIM, and clear for a read, IDENTIFY and SMART; else AoE
//   error 2. Other commands move no data, so W says nothing there.
// - An EXT opcode without E is aborted: with E clear, only 28 bits of the LBA count, so the command
//   might reach a sector that the client did not mean. A plain opcode with E is done where its LBA
//   fits 28 bits, because both readings then name the same sector; beyond that it is IDNF. Commands
//   without an LBA ignore E.
// - A write or TRIM to a read-only disk is aborted. (ATA8 has no way to announce one.) So is a read or READ
//   VERIFY of an unreadable one.
// - A count of 0 (256 or 65536 sectors to ATA) or beyond what a frame carries is aborted. IDENTIFY
//   and SMART, whose data is always 512 bytes, also take a count of 0, which ATA leaves undefined
//   there. READ VERIFY carries no data, so a frame does not limit it: up to 255 sectors.
// - A range that does not end within the disk is IDNF; of a TRIM, nothing is done then.
// - STANDBY makes the disk's cache stable first, as ATA asks; it never stops spinning.
// - SMART needs its key in the LBA (ABRT), and to be enabled, except for ENABLE itself (ABRT).
// Flag A (the server may answer before the data is stable) changes nothing: like a disk with a
// write cache, this one answers a write when every client reads it, and makes it stable on a flush.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "proto/frame.h"
#include "target/store/operation.h"

namespace aoe::target {

/// A command that the disk carries out.
struct DiskCommand {
  Operation::Kind kind{};
  bool is_verify = false;  // READ VERIFY: a read whose data is not sent

  bool operator==(const DiskCommand&) const = default;
};

/// Returns "read", "write", "flush", "verify" or "trim": for logs.
std::string_view text(DiskCommand command);

/// What a reply says besides what it copies from the request.
struct AtaRegisters {
  std::uint8_t status = ata::status_drdy;
  std::uint8_t error = 0;
  std::uint8_t sectors_left = 0;

  bool operator==(const AtaRegisters&) const = default;
};

/// Success, with the 512 bytes of IDENTIFY DEVICE.
struct IdentifyData {
  bool operator==(const IdentifyData&) const = default;
};

/// A SMART command that may be carried out.
struct SmartWork {
  ata::Smart what;
  bool operator==(const SmartWork&) const = default;
};

/// An ErrorCode is an AoE error: the request contradicts itself.
using AtaOutcome = std::variant<DiskCommand, IdentifyData, SmartWork, AtaRegisters, ErrorCode>;

struct AtaDevice {
  std::uint64_t sectors = 0;
  bool read_only = false;
  bool can_trim = false;
  bool smart_enabled = true;
  bool unreadable = false;  // to the client that asks

  /// Decides what becomes of a request. `sectors_max`: sectors that a frame carries.
  AtaOutcome start(const AtaRequest& request, std::uint8_t sectors_max) const;
};

/// Returns the registers after an operation that the disk failed: UNC for a read or verify; a
/// device fault for others, with ERR too since some clients look at nothing else.
AtaRegisters disk_failed(Operation::Kind kind, std::uint8_t sectors);

}  // namespace aoe::target
