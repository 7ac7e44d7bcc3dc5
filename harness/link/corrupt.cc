#include "harness/link/corrupt.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace aoe::harness {
namespace {

using Of = FrameField::Of;

constexpr std::size_t command_offset = 19;
constexpr std::size_t lba_size = 6;

/// AoEr11 §2, §3.1, §3.2.
const std::array<FrameField, 22> fields{{
    {"destination", Of::frame, 0, 6},  {"source", Of::frame, 6, 6},
    {"ethertype", Of::frame, 12, 2},   {"version", Of::frame, 14, 1, 4, 4},
    {"flags", Of::frame, 14, 1, 0, 4}, {"error", Of::frame, 15, 1},
    {"shelf", Of::frame, 16, 2},       {"slot", Of::frame, 18, 1},
    {"command", Of::frame, 19, 1},     {"tag", Of::frame, 20, 4},
    {"ata-flags", Of::ata, 24, 1},     {"feature", Of::ata, 25, 1},
    {"count", Of::ata, 26, 1},         {"status", Of::ata, 27, 1},  // the opcode, in a request
    {"lba", Of::ata, 28, lba_size},    {"ata-reserved", Of::ata, 34, 2},
    {"buffers", Of::config, 24, 2},    {"firmware", Of::config, 26, 2},
    {"sectors", Of::config, 28, 1},    {"config-version", Of::config, 29, 1, 4, 4},
    {"ccmd", Of::config, 29, 1, 0, 4}, {"length", Of::config, 30, 2},
}};

bool is_of(const FrameField& field, Bytes frame) {
  if (frame.size() < field.offset + field.size) return false;
  switch (field.of) {
    case Of::frame: return true;
    case Of::ata: return frame[command_offset] == 0;
    case Of::config: return frame[command_offset] == 1;
  }
  AOE_CHECK(false && "a field of nothing");
}

/// The place of a field's byte, the least significant being 0.
std::size_t place(const FrameField& field, std::size_t byte) {
  return field.offset +
         (field.size == lba_size && field.of == Of::ata ? byte : field.size - 1 - byte);
}

const FrameField& field_of(const std::string& name) {
  const auto field = std::ranges::find(fields, name, &FrameField::name);
  AOE_CHECK(field != fields.end());
  return *field;
}

}  // namespace

std::span<const FrameField> frame_fields() {
  return fields;
}

std::optional<std::uint64_t> value_of(const std::string& name, Bytes frame) {
  const FrameField& field = field_of(name);
  if (!is_of(field, frame)) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = field.size; i-- > 0;) value = value << 8 | frame[place(field, i)];
  return value >> field.shift & field.most();
}

bool has_fields(const CorruptSpec& spec, Bytes frame) {
  return std::ranges::all_of(spec.changes, [&](const CorruptSpec::Change& change) {
    return is_of(field_of(change.field), frame);
  });
}

void corrupt(const CorruptSpec& spec, Passing& passing) {
  std::vector<std::uint8_t>& bytes = passing.change();
  for (const auto& [name, value, invert] : spec.changes) {
    const FrameField& field = field_of(name);
    const std::uint64_t kept = invert ? ~std::uint64_t{} : ~(field.most() << field.shift);
    for (std::size_t i = 0; i < field.size; ++i) {
      std::uint8_t& byte = bytes[place(field, i)];
      byte =
          static_cast<std::uint8_t>((byte & (kept >> (8 * i))) ^ (value << field.shift >> (8 * i)));
    }
  }
  passing.bytes = bytes;
}

}  // namespace aoe::harness
