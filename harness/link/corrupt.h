// corrupt: named fields are `set` to a value, or some of their bits inverted (`xor`).
//
// AoE has no checksum of its own, so this is for damage that shows: a version that nobody knows, a
// tag that nobody chose, a count that the data contradicts. A frame that does not have all of these
// fields (of another command, or too short) is none of this fault's.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "harness/link/fault.h"

namespace aoe::harness {

/// A field of a frame as it lies on the wire: `bits` bits, big-endian but for the LBA, whose bytes
/// lie least significant first.
struct FrameField {
  enum class Of : std::uint8_t { frame, ata, config };

  std::string name;
  Of of;               // the command that has it
  std::size_t offset;  // from the destination address on
  std::size_t size;    // bytes
  unsigned shift = 0;  // of the value in these bytes
  unsigned bits = 0;   // 0: all of them

  std::uint64_t most() const { return ~std::uint64_t{} >> (64 - width()); }
  unsigned width() const { return bits != 0 ? bits : static_cast<unsigned>(8 * size); }
};

/// All there are.
std::span<const FrameField> frame_fields();
/// What a frame has in one of them; nothing where it has no such field.
std::optional<std::uint64_t> value_of(const std::string& field, Bytes frame);

/// Has the frame all fields that the fault changes?
bool has_fields(const CorruptSpec& spec, Bytes frame);
/// Changes them; the frame has them all.
void corrupt(const CorruptSpec& spec, Passing& passing);

}  // namespace aoe::harness
