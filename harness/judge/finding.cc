#include "harness/judge/finding.h"

#include <array>

#include "base/check.h"
#include "harness/language/clauses.h"

namespace aoe::harness {
namespace {

constexpr std::array<FindingInfo, finding_kinds> infos{{
    {"unsupported-version", "2/4"},
    {"unknown-command", "2.4/1", false},  // a client may try
    {"malformed", "2/12"},
    {"short-frame", "2/15"},
    {"reserved-field", "2/30"},
    {"group-source", "2/2"},
    {"request-with-error", "2/30"},
    {"error-byte", "2/16"},
    {"unknown-error", "2.4/3"},
    {"wildcard-reply", "2/8"},
    {"ata-flags", "3.1/40"},
    {"zero-count", "3.1/40"},
    {"bad-directive", "3.3/4", false},
    {"config-version", "3.2/13"},
    {"bad-status", "3.1/4"},
    {"tag-in-use", "2/31"},
    {"buffers-exceeded", "3.2/31"},
    {"sectors-exceeded", "3.2/32"},
    {"retransmitted", "2/38", false},
    {"unanswered", "2/14", false},
    {"unasked-reply", "2/7"},
    {"duplicate-answer", "2/36", false},
    {"wrong-command", "2/6"},
    {"wrong-address", "2/10"},
    {"wrong-destination", "2/1"},
    {"wrong-source", "2/2"},
    {"accepted", "3.1/5"},
    {"wrong-error", "2.4/3"},
    {"short-data", "3.1/1"},
    {"sectors-left", "3.1/3"},
    {"config-answer", "3.2/4"},
    {"config-changed", "3.2/16"},
    {"masked-answer", "3.3/8"},
    {"reservation-ignored", "3.4/6"},
}};

}  // namespace

const FindingInfo& info(FindingKind kind) {
  return infos[static_cast<std::size_t>(kind)];
}

Level Finding::level() const {
  return info(kind).is_breach ? clause_catalogue().find(clause)->level : Level::info;
}

FindingKind kind_of(Rule rule) {
  if (rule == Rule::unsupported_version) return FindingKind::unsupported_version;
  if (rule == Rule::unknown_command) return FindingKind::unknown_command;
  return FindingKind::malformed;
}

std::string_view broken_clause(Rule rule, bool is_reply) {
  switch (rule) {
    case Rule::unsupported_version: return is_reply ? "2/4" : "2/30";
    case Rule::unknown_command: return is_reply ? "2/6" : "2.4/1";
    case Rule::arg_too_short: return is_reply ? "2/39" : "2/12";
    case Rule::write_data_short: return "3.1/40";
    case Rule::config_string_too_long:
    case Rule::config_string_beyond_frame: return is_reply ? "3.2/9" : refusing_clause(rule);
    case Rule::mask_directives_beyond_frame: return is_reply ? "3.3/1" : refusing_clause(rule);
    case Rule::reserve_addresses_beyond_frame: return is_reply ? "3.4/1" : refusing_clause(rule);
    case Rule::frame_too_short:
    case Rule::not_aoe:
    case Rule::read_data_short:
    case Rule::unknown_config_command:
    case Rule::unknown_mask_command:
    case Rule::unknown_mask_error:
    case Rule::unknown_reserve_command:
    case Rule::identify_too_short:
    case Rule::identify_not_lba:
    case Rule::identify_sector_size:
    case Rule::identify_too_large:
    case Rule::identify_no_sectors:
    case Rule::identify_checksum: return refusing_clause(rule);
  }
  AOE_CHECK(false && "a rule without a clause");
}

std::string_view refusing_clause(Rule rule) {
  switch (rule) {
    case Rule::frame_too_short:
    case Rule::not_aoe:
    case Rule::arg_too_short: return "2/12";
    case Rule::unsupported_version: return "2.4/2";
    case Rule::unknown_command: return "2.4/1";
    case Rule::write_data_short: return "3.1/7";
    case Rule::read_data_short: return "3.1/1";
    case Rule::unknown_config_command: return "3.2/8";
    case Rule::config_string_too_long: return "3.2/10";
    case Rule::config_string_beyond_frame: return "3.2/11";
    case Rule::unknown_mask_command: return "3.3/5";
    case Rule::unknown_mask_error: return "3.3/4";
    case Rule::mask_directives_beyond_frame: return "3.3/9";
    case Rule::unknown_reserve_command: return "3.4/9";
    case Rule::reserve_addresses_beyond_frame: return "3.4/10";
    case Rule::identify_too_short:
    case Rule::identify_not_lba:
    case Rule::identify_too_large:
    case Rule::identify_no_sectors: return "3.1/12";
    case Rule::identify_checksum: return "3.1/14";
    case Rule::identify_sector_size: return "3.1/13";
  }
  AOE_CHECK(false && "a rule without a clause");
}

}  // namespace aoe::harness
