// What a frame of a capture breaks by itself, whoever sent it and whatever came before.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "harness/judge/finding.h"
#include "proto/frame.h"

namespace aoe::harness {

struct SeenFrame {
  Bytes bytes;                // as decode() takes them, without VLAN tags
  Decoded decoded;            // what decode() makes of them
  std::size_t wire_size = 0;  // with VLAN tags, in bytes
  bool is_cut = false;        // the capture holds less of it: what is missing is zero in `bytes`
};

/// Hears of each rule that is broken, with what to say of it.
using FrameFinding =
    std::function<void(FindingKind kind, std::string_view clause, const std::string& text)>;

/// Judges one frame.
void judge_frame(const SeenFrame& seen, const FrameFinding& tell);

/// Does the command move sectors, as many as its count says?
bool moves_sectors(ata::Opcode opcode);

/// A server's error, in words: "2 (bad argument parameter)".
std::string name(ErrorCode code);

}  // namespace aoe::harness
