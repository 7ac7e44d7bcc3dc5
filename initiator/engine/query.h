// Queries: what a target can be asked besides I/O, as plain values. Its config string, mask list
// and reservation (§3.2-3.4), and reads that measure a path.
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

using Query = std::variant<ConfigQuery, MaskQuery, ReserveQuery, ReadQuery, IdentifyQuery>;

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
};

}  // namespace aoe::initiator
