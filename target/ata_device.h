// The ATA device inside a LUN: registers of a command in, what becomes of it out.
//
// A pure function of the request and of what the disk is; transfers themselves are the caller's.
// Rules, in the order they are checked (AoEr11 §3.1, ATA8-ACS):
// - IDENTIFY, READ and WRITE (SECTORS and DMA, plain and EXT), FLUSH CACHE (EXT) and CHECK POWER
//   MODE are known; any other opcode is aborted (ABRT).
// - W must be set for a write, and clear for a read and for IDENTIFY; else AoE error 2. Other
//   commands move no data, so it says nothing there.
// - An EXT opcode without E is aborted: E clear says that only 28 bits of LBA are meant, and a
//   sector that nobody meant must not be touched. A plain opcode with E is done where its LBA
//   fits 28 bits, for both readings then name the same sector; beyond that it is IDNF. FLUSH,
//   IDENTIFY and CHECK POWER MODE have no LBA, so E says nothing there.
// - A write to a read-only disk is aborted. (ATA8 has no way to announce a read-only disk.)
// - A count of 0 (256 or 65536 sectors to ATA) or beyond what a frame carries is aborted. IDENTIFY,
//   whose data is always 512 bytes, also takes a count of 0, which ATA leaves undefined there.
// - A range that does not end within the disk is IDNF.
// A (the server may answer before the data is stable) changes nothing: like a disk with a write
// cache, this one answers a write when everyone reads it, and makes it stable when asked to flush.
#pragma once

#include <cstdint>
#include <variant>

#include "proto/frame.h"

namespace aoe::target {

/// The disk's part of a command.
enum class DiskAction : std::uint8_t { read, write, flush };

/// What a reply says besides echoing the request.
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

/// An ErrorCode is an AoE error: the request contradicts itself.
using AtaOutcome = std::variant<DiskAction, IdentifyData, AtaRegisters, ErrorCode>;

struct AtaDevice {
  std::uint64_t sectors = 0;
  bool read_only = false;

  /// What becomes of a request, where a frame carries `sectors_max` sectors.
  AtaOutcome start(const AtaRequest& request, std::uint8_t sectors_max) const;
};

/// The registers after an operation that the disk failed: UNC for a read; a device fault for a
/// write or flush, with ERR too since some clients look at nothing else.
AtaRegisters disk_failed(DiskAction action, std::uint8_t sectors);

}  // namespace aoe::target
