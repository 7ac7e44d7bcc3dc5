// One ATA command of a device: a part of a request, or an IDENTIFY, from when it is made until no
// copy of it is on its way.
//
// Owned by the device, in a place that is used again.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "base/instant.h"
#include "initiator/engine/request_table.h"
#include "initiator/engine/slots.h"
#include "proto/identify.h"

namespace aoe::initiator {

struct AtaCommand {
  enum class State : std::uint8_t {
    waiting,      // to be sent, or sent again
    outstanding,  // its answer is awaited
    lingering,    // done; earlier transmissions of it may still arrive and change the disk
  };
  using TrimBlock = std::array<std::uint8_t, sector_size>;

  State state = State::waiting;
  RequestTable::Part part{};  // request no_slot: IDENTIFY
  IoKind kind = IoKind::read;
  std::uint32_t use = 0;  // counts the commands that were in this place
  std::uint32_t tag = 0;  // of its last transmission
  unsigned attempts = 0;
  unsigned unanswered = 0;  // transmissions that were given up, and not answered since
  Instant first_sent{};
  Instant last_sent{};
  Instant deadline = never;                // of its last transmission; lingering: when that is over
  Instant overtaken = never;               // when a later one was answered before it
  Instant lost = never;                    // when it is lost on that account
  std::uint64_t path = 0;                  // of its last transmission, by serial number
  std::optional<std::uint64_t> doubted{};  // the path that lost it early, if it did
  std::unique_ptr<TrimBlock> trim{};       // what it sends; kept for the next in this place
  SlotLink link{};  // among those that wait, or that are outstanding on its path

  bool is_identify() const { return part.request == no_slot; }
  bool changes_disk() const {
    return !is_identify() && (kind == IoKind::write || kind == IoKind::trim);
  }
  /// Its answer takes as long as the disk, and not as long as the path.
  bool takes_disk_time() const {
    return !is_identify() && (kind == IoKind::flush || kind == IoKind::trim);
  }
};

/// What goes on the wire for a part of `io`, to a disk that says this of itself.
AtaRequest registers(AtaCommand& command, const IoRequest& io, const Identity& identity);
/// Of an IDENTIFY.
AtaRequest identify_registers();

}  // namespace aoe::initiator
