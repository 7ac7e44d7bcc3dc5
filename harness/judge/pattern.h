// What sectors hold: a pattern that tells a sector's address and which write put it there.
//
// So data that is wrong shows what it is instead: another sector's, an older write's, or a piece of
// one. A sector begins with its label in clear; every word after it depends on label and place.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "harness/language/field_reader.h"

namespace aoe::harness {

/// Numbers the writes of a run; 0 is what the disk held at first.
using Version = std::uint32_t;

/// Whose pattern a sector holds.
struct PatternLabel {
  std::uint64_t lba = 0;
  Version version = 0;

  bool operator==(const PatternLabel&) const = default;
};

/// Fills whole sectors, from `lba` on, with the pattern of `version`.
void fill_pattern(std::uint64_t lba, Version version, MutableBytes sectors);

/// Fills sectors with what a scenario says that they hold, from `lba` on. `disk_has_pattern`: the
/// disk begins with the pattern of version 0; else with zeros.
void fill(const Content& content, std::uint64_t lba, bool disk_has_pattern, MutableBytes sectors);

/// What one sector says that it is, though the rest of it may be damaged; nothing for what is no
/// pattern.
std::optional<PatternLabel> read_label(Bytes sector);

/// Does one sector hold this pattern, whole?
bool holds_pattern(const PatternLabel& label, Bytes sector);

}  // namespace aoe::harness
