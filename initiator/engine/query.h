// Queries: what a target can be asked besides I/O, as plain values. Its config string, mask list
// and reservation (§3.2-3.4), reads that measure a path, and single ATA commands.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/instant.h"
#include "proto/frame.h"
#include "proto/identify.h"

namespace aoe::initiator {

/// §3.2. Only a target whose string matches answers `test` and `prefix`.
struct ConfigQuery {
  ConfigCommand command = ConfigCommand::read;
  std::string string{};  // at most 1024 bytes
};

/// §3.3. Carries out directives in this order. Without any, it only reads the mask list.
struct MaskQuery {
  std::vector<Directive> directives{};  // at most 255
};

/// §3.4. To set no MACs releases the reservation.
struct ReserveQuery {
  ReserveCommand command = ReserveCommand::read;
  std::vector<Mac> macs{};  // at most 255
};

/// §3.1: READ SECTORS at 0, answered in one frame.
struct ReadQuery {
  std::uint8_t sectors = 1;
};

/// §3.1: IDENTIFY DEVICE.
struct IdentifyQuery {};

/// §3.1: a non-extended ATA command that moves a sector at most, as it is: SMART, or IDENTIFY DEVICE
/// whose data is not to be read as an Identity.
struct AtaQuery {
  ata::Opcode opcode{};
  std::uint8_t feature = 0;
  std::uint8_t sectors = 0;
  std::uint64_t lba = 0;             // below 2^28
  std::vector<std::uint8_t> data{};  // that goes to the disk: 512 bytes, or none
  bool reads = false;                // 512 bytes come from the disk
};

using Query =
    std::variant<ConfigQuery, MaskQuery, ReserveQuery, ReadQuery, IdentifyQuery, AtaQuery>;

/// The target's answer. A change of the mask list that was refused is no error of the query: see
/// mask_error.
struct QueryAnswer {
  Mac mac{};              // of the target
  Duration round_trip{};  // from the transmission to its answer
  // To a ConfigQuery:
  std::uint16_t buffers = 0;
  std::uint16_t firmware = 0;
  std::uint8_t sectors = 0;
  std::string string{};
  // To a MaskQuery or a ReserveQuery: the whole list.
  std::vector<Mac> macs{};
  MaskError mask_error = MaskError::none;
  unsigned directives_done = 0;        // before the one that was refused
  std::optional<Identity> identity{};  // to an IdentifyQuery
  // To an AtaQuery:
  std::uint64_t lba = 0;             // the LBA registers
  std::vector<std::uint8_t> data{};  // 512 bytes, if it reads
};

}  // namespace aoe::initiator
