// What goes into the initiator's engine and what comes out of it, as plain values.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "base/trace.h"
#include "initiator/engine/query.h"
#include "proto/frame.h"
#include "proto/identify.h"

namespace aoe::initiator {

/// Identifies a local network interface. The engine gives it out in add_port().
using PortId = std::uint16_t;

enum class IoKind : std::uint8_t { read, write, flush, trim };
std::string_view text(IoKind kind);

/// One request of a user, of any length. The buffer belongs to the user and stays in place until
/// the request completes.
///
/// Ordering: requests that overlap, at least one of them a write or a trim, take effect in the
/// order in which they were submitted. The later one waits until the earlier is complete, and until
/// no copy of an earlier transmission can still arrive, as far as a bounded time tells (device.h).
/// A flush makes stable what completed before it was submitted. To order anything else, wait for
/// completion.
struct IoRequest {
  IoKind kind = IoKind::read;
  Address device{};
  std::uint64_t lba = 0;      // of 512-byte sectors
  MutableBytes into{};        // read: whole sectors, at least one
  Bytes from{};               // write: whole sectors, at least one
  std::uint64_t sectors = 0;  // trim: the length of the range, at least one
  std::uint64_t id = 0;       // the completion has the same
};

/// Why a request failed.
enum class IoError : std::uint8_t {
  none,
  no_such_device,  // nothing answers at this address (yet)
  device_down,     // it did not answer for deadsecs
  invalid,         // not whole sectors, or nothing to move
  out_of_range,    // beyond the last sector
  ata_error,       // the disk failed the command: see ata_status and ata_error
  aoe_error,       // the target refused the command: see aoe_error
  cancelled,       // by the user; a write may have taken effect in part or in whole
  unsupported,     // the disk has no such command
  timeout,         // nothing answered a query
};

/// Every request that was submitted completes exactly once.
struct Completion {
  std::uint64_t id = 0;
  IoError error = IoError::none;
  std::uint8_t ata_status = 0;
  std::uint8_t ata_error = 0;
  ErrorCode aoe_error{};

  bool operator==(const Completion&) const = default;
};

/// Returns "ATA error: status 41, error 10", "target is reserved", …
std::string describe(const Completion& completion);

/// Every query completes exactly once. Its errors: `timeout`, `aoe_error`, `ata_error` (of a
/// ReadQuery), `invalid` (no frame can hold it, or the address is not exact) and `cancelled`.
struct QueryResult {
  Completion completion;
  QueryAnswer answer;  // valid without an error
};

/// A frame to send on a port: `head`, then `data`.
struct Transmit {
  PortId port = 0;
  std::uint8_t head_size = 0;
  std::array<std::uint8_t, frame_size_min> head;
  Bytes data{};
};

/// Something that happened, for diagnostics: what the Linux driver writes to its err file.
constexpr bool changes_disk(IoKind kind) {
  return kind == IoKind::write || kind == IoKind::trim;
}

struct Event {
  enum class Kind : std::uint8_t {
    config_answer,      // a target answered a discovery, or announced itself
    device_up,          // identified: sectors
    device_down,        // silent for deadsecs, or it could not be identified
    device_forgotten,   // by the user, or because it was silent and never identified
    device_refused,     // there is no room for it, or it has no static minor (Parameters::dyndevs)
    device_resized,     // sectors
    disk_replaced,      // while it was not open another disk took its place: serial, sectors
    payload_shrunk,     // a path loses all frames of more sectors than this, of this kind (io)
    payload_restored,   // it carries as many sectors as agreed on again
    foreign_disk,       // another disk answers at the address: serial, sectors; it is not used
    foreign_content,    // the same, of the same serial and size: it differs at sector `sectors`
    unproven_disk,      // nothing shows that this is the same disk; it is not used
    ambiguous_size,     // IDENTIFY tells two sizes: it is taken for `sectors`
    write_refused,      // the disk refuses writes, as a read-only one does
    identify_failed,    // the answer to IDENTIFY is useless: see reject, or result
    retransmission,     // tag replaces old_tag; attempt counts transmissions
    late_answer,        // to a transmission whose command has been sent again since
    duplicate_answer,   // to a transmission that was answered already
    unexpected_answer,  // no transmission has its tag, or it answers another command
    wrong_address,      // it is from another address than was asked, or from no exact one
    unknown_source,     // its source is not the MAC that was asked, or a multicast address
    bad_answer,         // not decodable (reject), or shorter than what was asked for
  };

  Kind kind;
  Address device{};
  PortId port = 0;
  Mac mac{};  // of the remote target
  std::uint32_t tag = 0;
  std::uint32_t old_tag = 0;
  unsigned attempt = 0;
  std::uint64_t sectors = 0;
  IoKind io = IoKind::read;
  FixedText<20> serial{};  // of foreign_disk, unproven_disk and disk_replaced
  Reject reject{};
  Completion result{};   // of a failed IDENTIFY
  ConfigReply config{};  // its string is valid until the engine is called again
};

/// Returns "device up", "late answer", …
std::string_view text(Event::Kind kind);

/// Returns a line: "e0.2 retransmission 2: tag 80000a3c replaces 80000a11".
std::string describe(const Event& event);

/// What the caller of the engine has to do, in order within each list. The caller clears them.
struct Actions {
  std::vector<Transmit> frames;
  std::vector<Completion> completions;
  std::vector<QueryResult> answers;
  std::vector<Event> events;

  void clear() {
    frames.clear();
    completions.clear();
    answers.clear();
    events.clear();
  }
};

/// Adds an event to `out`, and traces it: "event device up: ...", and "reject late answer: ..." for
/// an answer that is not believed.
void report(const Event& event, const Trace& trace, Instant now, Actions& out);

}  // namespace aoe::initiator
