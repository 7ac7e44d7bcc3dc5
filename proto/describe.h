// One line for any frame, good or bad, for logs, reports and ledgers.
//
//   e1.1 READ EXT lba 2+2 tag 02010a3c
//   e1.1 ATA reply ok lba 2 left 0 tag 02010a3c
//   e1.1 error 6 (target is reserved) to ATA tag 02010a3c
//   e*.* config read tag 00000001
//   e1.1 unknown command 4 request, 60 bytes tag 00000001
//   e1.1 bad config request, 41 bytes: config string beyond the frame (offset 30: have 9, need 16)
//       tag 00000001
//   bad frame, 5 bytes: frame too short (offset 0: have 5, need 24)
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "proto/frame.h"
#include "proto/reject.h"

namespace aoe {

/// The longest line that describe() writes.
inline constexpr std::size_t description_size_max = 200;

/// Writes the line into `room` (cut to fit) and returns it. Never more than description_size_max
/// characters, all printable ASCII, whatever the frame holds. Allocates nothing.
std::string_view describe(Bytes frame, std::span<char> room);
/// The same for a frame that was decoded well: its body is one.
std::string_view describe(const Frame& frame, std::span<char> room);

/// "write data beyond the frame (offset 36: have 512, need 1024)"
std::string_view describe(const Reject& reject, std::span<char> room);

}  // namespace aoe
