// The ledger of a run: every frame that entered the link between the two ends, in order, with its
// cause and its fate. Checks judge it, failures show parts of it, and ledger.jsonl holds all of it.
//
// Filled by the fault stage, by the judge of exchanges and by the lint of captures. Holds decoded
// facts, and makes text of them only when it is asked for: adding a frame allocates nothing except,
// from time to time, room for many. The newest frames of a run are in memory, and the older ones of
// a long run in a file (record_store.h).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "base/instant.h"
#include "harness/language/selector.h"
#include "harness/link/newest_frames.h"
#include "harness/link/record_store.h"
#include "proto/frame.h"

namespace aoe::harness {

using FrameId = std::uint64_t;

/// A text that the ledger keeps once for all entries; 0 is none.
using TextId = std::uint32_t;

enum class FrameKind : std::uint8_t {
  bad,    // it has no header that could be decoded
  other,  // of another command than ATA, or of one that could not be decoded
  ata_request,
  ata_reply,
  ata_error,  // an error (E) in reply to an ATA command
};

/// What decode() makes of a frame.
using Decoded = tl::expected<Frame, Reject>;

struct LedgerEntry {
  FrameId id = 0;
  Instant sent{};          // when it entered the link
  std::uint32_t size = 0;  // bytes
  Direction direction{};
  FrameKind kind{};
  std::uint8_t command = 0;
  bool injected = false;  // sent by a scenario rather than by an end
  Address address{};
  std::uint32_t tag = 0;

  // Of an ATA command and of its reply.
  std::uint64_t lba = 0;
  std::uint8_t sectors = 0;  // asked for; in a reply: left undone
  ata::Opcode opcode{};      // of a request
  std::uint8_t feature = 0;
  bool asynchronous = false;
  std::uint8_t status = 0;  // of a reply
  std::uint8_t error = 0;

  TextId what = 0;               // its summary without the tag, for any other frame
  TextId struck_by = 0;          // ids of the faults that struck it without dropping it
  TextId dropped_by = 0;         // id of the fault that dropped it
  TextId lost_by = 0;            // the state of the link that kept a copy from arriving
  std::uint32_t copies = 0;      // that the link sent on
  std::uint32_t deliveries = 0;  // copies that have arrived
  Instant delivered{};           // when the first of them did
  PortIndex from = 0;            // that sent it
  NodeIndex client = 0;          // the initiator that it is of or for
  std::uint16_t remote = 0;      // of a request: the number of the remote that it went to
  /// Of a request: the retransmission timeout that its sender must keep. Of the first answer to
  /// arrive: how long requests that it has overtaken must still wait; 0: it is no evidence.
  Duration wait{};
  std::optional<FrameId> repeats{};  // the transmission that this one replaces
  std::optional<FrameId> repeated_by{};
  std::optional<FrameId> answers{};  // of a reply: the latest request that had its tag
  Instant answered = never;          // of a request: when an answer to it first arrived
};

class Ledger {
 public:
  /// `origin` is the instant that is printed as 0. A very long run puts older entries into a
  /// nameless file in `folder`; empty: all stay in memory.
  explicit Ledger(Instant origin, std::string folder = {})
      : origin_(origin), entries_(std::move(folder)) {}

  /// `decoded` is what decode() makes of `frame`.
  LedgerEntry& add(Direction direction, Bytes frame, const Decoded& decoded, Instant now);
  LedgerEntry& add(Direction direction, Bytes frame, Instant now) {
    return add(direction, frame, decode(frame), now);
  }
  /// References stay valid.
  LedgerEntry& operator[](FrameId id) { return entries_[id]; }
  const LedgerEntry& operator[](FrameId id) const { return entries_[id]; }
  FrameId size() const { return entries_.size(); }
  Instant origin() const { return origin_; }

  /// Keeps the bytes of the newest frames as they entered, at most `most` in all. Called before the
  /// first frame.
  void keep_bytes(std::size_t most) { bytes_ = NewestFrames(most); }
  /// Returns the bytes of a frame; nothing where they are not kept, or not any more.
  Bytes bytes(FrameId id) const;

  /// What a frame asks for, or the request that it answers. For an ATA reply without a known
  /// request: that it is ATA traffic.
  Subject subject(const LedgerEntry& entry) const;
  /// Names the ports of a network of several nodes, for people; without that nobody is named.
  void name_ports(std::vector<std::string> names) { port_names_ = std::move(names); }
  /// The name of the port that sent the frame; empty where ports have none.
  std::string_view sender(FrameId id) const {
    const PortIndex from = entries_[id].from;
    return from < port_names_.size() ? std::string_view(port_names_[from]) : std::string_view();
  }
  /// When a repetition of a request is due, at the earliest; nothing for a frame that is no ATA
  /// request of an end.
  std::optional<Instant> due(FrameId request) const;

  /// Keeps a text, such as a fault's id, for entries to refer to.
  TextId keep(std::string_view text);
  std::string_view text(TextId id) const { return id == 0 ? std::string_view() : texts_[id - 1]; }

  /// One line for the frame, as describe() gives it: "e1.1 READ EXT lba 2+2 tag 8000a3c1".
  std::string summary(FrameId id) const;
  /// What became of the frame: "dropped by f1", "delivered 2 times (f2), retransmission of #3";
  /// empty for one that simply arrived.
  std::string fate(FrameId id) const;

  /// One JSON object a line. The error names the file.
  tl::expected<void, std::string> write(const std::string& path) const;

 private:
  const Instant origin_;
  RecordStore<LedgerEntry> entries_;  // by id
  std::deque<std::string> texts_;     // by TextId - 1
  std::unordered_map<std::string_view, TextId> text_ids_;
  NewestFrames bytes_;  // of the newest frames
  std::vector<std::string> port_names_;
};

}  // namespace aoe::harness
