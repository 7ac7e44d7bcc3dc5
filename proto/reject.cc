#include "proto/reject.h"

#include "base/check.h"

namespace aoe {

std::string_view text(Rule rule) {
  switch (rule) {
    case Rule::frame_too_short: return "frame too short";
    case Rule::not_aoe: return "not AoE";
    case Rule::unsupported_version: return "unsupported version";
    case Rule::unknown_command: return "unknown command";
    case Rule::arg_too_short: return "frame ends inside its arguments";
    case Rule::write_data_short: return "write data beyond the frame";
    case Rule::read_data_short: return "read data shorter than asked for";
    case Rule::unknown_config_command: return "unknown config command";
    case Rule::config_string_too_long: return "config string too long";
    case Rule::config_string_beyond_frame: return "config string beyond the frame";
    case Rule::unknown_mask_command: return "unknown mask command";
    case Rule::unknown_mask_error: return "unknown mask error";
    case Rule::mask_directives_beyond_frame: return "mask directives beyond the frame";
    case Rule::unknown_reserve_command: return "unknown reserve command";
    case Rule::reserve_addresses_beyond_frame: return "reserve addresses beyond the frame";
    case Rule::identify_too_short: return "IDENTIFY data too short";
    case Rule::identify_not_lba: return "IDENTIFY without LBA";
    case Rule::identify_sector_size: return "IDENTIFY with sectors of another size";
    case Rule::identify_too_large: return "IDENTIFY with more sectors than it can address";
    case Rule::identify_no_sectors: return "IDENTIFY of a disk without sectors";
    case Rule::identify_checksum: return "IDENTIFY with a wrong checksum";
  }
  AOE_CHECK(false && "a rule without a text");
}

std::optional<ErrorCode> answer_to(Rule rule) {
  switch (rule) {
    case Rule::unsupported_version: return ErrorCode::unsupported_version;
    case Rule::unknown_command: return ErrorCode::unrecognized_command;
    case Rule::arg_too_short:
    case Rule::write_data_short:
    case Rule::unknown_config_command:
    case Rule::config_string_too_long:
    case Rule::config_string_beyond_frame:
    case Rule::unknown_mask_command:
    case Rule::mask_directives_beyond_frame:
    case Rule::unknown_reserve_command:
    case Rule::reserve_addresses_beyond_frame: return ErrorCode::bad_argument;
    case Rule::frame_too_short:
    case Rule::not_aoe:
    case Rule::read_data_short:
    case Rule::unknown_mask_error:
    case Rule::identify_too_short:
    case Rule::identify_not_lba:
    case Rule::identify_sector_size:
    case Rule::identify_too_large:
    case Rule::identify_no_sectors:
    case Rule::identify_checksum: return std::nullopt;
  }
  AOE_CHECK(false && "a rule without an answer");
}

}  // namespace aoe
