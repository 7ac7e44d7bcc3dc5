// One ATA command of a device, a part of a request. It exists from when it is made until no copy of
// it can be on its way any more.
//
// A request (IoRequest) becomes one or more commands, and a command one or more transmissions
// (TagTable), each with a tag of its own. Owned by the device, in a pool.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "base/instant.h"
#include "initiator/engine/actions.h"
#include "initiator/engine/pool.h"
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
  IoKind kind = IoKind::read;
  Index request = no_index;  // of which it is a part
  std::uint64_t lba = 0;
  std::uint32_t sectors = 0;
  std::size_t offset = 0;     // of its data in the request's buffer, bytes
  std::uint32_t tag = 0;      // of its last transmission
  std::optional<Mac> whom{};  // flush: the member that it is for; any of them without
  std::uint64_t covers = 0;   // flush: the writes that its remote target had been sent before
  unsigned attempts = 0;
  unsigned unanswered = 0;  // transmissions that were given up, and not answered since
  Instant first_sent{};
  Instant last_sent{};
  Instant deadline = never;        // of its last transmission; lingering: when that is over
  Instant overtaken = never;       // when a later one was answered before it
  Instant lost = never;            // when it is lost on that account
  std::uint64_t path = 0;          // of its last transmission, by serial number
  bool done = false;               // by an earlier transmission than its last
  std::optional<Mac> collapsed{};  // the target whose window its timeout collapsed, rightly or not
  std::optional<std::uint64_t> doubted{};  // the path that lost it early, if it did
  std::unique_ptr<TrimBlock> trim{};       // what it sends; kept for the next in this place
  ListLink link{};  // among those that wait, or that are outstanding on its path

  bool changes_disk() const { return initiator::changes_disk(kind); }
  /// Its answer takes as long as the disk, and not as long as the path.
  bool takes_disk_time() const { return kind == IoKind::flush || kind == IoKind::trim; }
};

/// Returns what goes on the wire for a command of `request`, to a disk of this identity.
AtaRequest registers(AtaCommand& command, const IoRequest& request, const Identity& identity);

}  // namespace aoe::initiator
