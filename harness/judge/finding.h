// What `aoe-harness check` can find in a capture: a closed list of kinds, each about a clause of
// the catalogue (language/clauses.h).
//
// What breaks a clause has the clause's level. What only happened (a frame that was lost, or came
// twice) is info: no end did wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "harness/language/level.h"
#include "harness/link/ledger.h"
#include "proto/reject.h"

namespace aoe::harness {

enum class FindingKind : std::uint8_t {
  // Of one frame.
  unsupported_version,
  unknown_command,
  malformed,
  short_frame,
  reserved_field,
  group_source,
  request_with_error,
  error_byte,
  unknown_error,
  wildcard_reply,
  ata_flags,
  zero_count,
  bad_directive,
  config_version,
  bad_status,
  // Of a request.
  tag_in_use,
  buffers_exceeded,
  sectors_exceeded,
  retransmitted,
  unanswered,
  // Of a reply.
  unasked_reply,
  duplicate_answer,
  wrong_command,
  wrong_address,
  wrong_destination,
  wrong_source,
  accepted,
  wrong_error,
  short_data,
  sectors_left,
  config_answer,
  config_changed,
  masked_answer,
  reservation_ignored,
};
inline constexpr std::size_t finding_kinds =
    static_cast<std::size_t>(FindingKind::reservation_ignored) + 1;

struct FindingInfo {
  std::string_view name;    // "buffers-exceeded"
  std::string_view clause;  // of the catalogue, unless the finding says otherwise
  bool is_breach = true;    // else it happened, and nobody did wrong
};
const FindingInfo& info(FindingKind kind);

/// The kind of a frame that decode() refuses.
FindingKind kind_of(Rule rule);
/// The clause that a frame breaks which decode() refuses: who sent it is to blame.
std::string_view broken_clause(Rule rule, bool is_reply);
/// The clause by which a target refuses a request that breaks the rule.
std::string_view refusing_clause(Rule rule);

struct Finding {
  FindingKind kind{};
  std::string_view clause;      // info(kind).clause, or one that says more
  std::string text;             // "READ lba 2+2 again after 403ms, with a new tag"
  std::vector<FrameId> frames;  // that show it, in the ledger: the one that it is about comes last
  FrameId frame() const { return frames.back(); }
  Level level() const;
};

}  // namespace aoe::harness
