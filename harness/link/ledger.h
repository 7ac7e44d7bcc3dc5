// The ledger of a run: every frame that entered the link between the two ends, in order, with its
// cause and its fate. What checks judge, what a failure shows, and what ledger.jsonl holds.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "harness/faults/fault.h"
#include "proto/describe.h"
#include "proto/instant.h"

namespace aoe::harness {

using FrameId = std::uint32_t;

struct LedgerEntry {
  FrameId id = 0;
  Direction direction{};
  Instant sent{};                    // when it entered the link
  std::uint32_t size = 0;            // bytes
  std::string summary{};             // one line, as describe() gives it
  std::string struck_by{};           // faults that let it live, by id, with blanks between them
  std::string dropped_by{};          // the one that did not
  unsigned deliveries = 0;           // copies that have arrived
  Instant delivered{};               // the first of them
  std::optional<FrameId> repeats{};  // the transmission that this one replaces
  std::optional<FrameId> repeated_by{};
};

class Ledger {
 public:
  /// `origin` is the instant that is printed as 0.
  explicit Ledger(Instant origin) : origin_(origin) {}

  LedgerEntry& add(Direction direction, Bytes frame, Instant now);
  LedgerEntry& operator[](FrameId id) { return entries_[id]; }
  const LedgerEntry& operator[](FrameId id) const { return entries_[id]; }
  Instant origin() const { return origin_; }
  FrameId size() const { return static_cast<FrameId>(entries_.size()); }

  /// "   12.345   17  → e1.1 READ lba 2+2 tag 8000a3c1            dropped by f1"
  std::string line(FrameId id) const;
  /// The last `count` frames up to and including `last`, a line each.
  std::string tail(FrameId last, std::size_t count) const;

  /// One JSON object a line. The error names the file.
  tl::expected<void, std::string> write(const std::string& path) const;

  /// What became of it: "dropped by f1", "delivered 2 times (f2)".
  std::string fate(const LedgerEntry& entry) const;

 private:
  const Instant origin_;
  std::deque<LedgerEntry> entries_;  // by id; references stay good
};

}  // namespace aoe::harness
