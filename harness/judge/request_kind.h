// What kind of request a frame is, as far as a target that answers one of a kind answers all: "mask
// edit", "ata flush". Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace aoe::harness {

struct RequestKind {
  std::uint8_t command = 0;     // of the header
  std::uint8_t subcommand = 0;  // the ATA opcode, CCmd, MCmd or RCmd
  auto operator<=>(const RequestKind&) const = default;
};

/// Returns nothing for a frame that is no request, or of a command or subcommand that AoEr11 does not
/// have: what a target does with one says nothing of others.
std::optional<RequestKind> kind_of(Bytes frame);

/// "mask edit"
std::string text(RequestKind kind);

}  // namespace aoe::harness
