#include "proto/codes.h"

#include "proto/layout.h"

namespace aoe {

std::string_view text(ErrorCode code) {
  switch (code) {
    case ErrorCode::unrecognized_command: return "unrecognized command code";
    case ErrorCode::bad_argument: return "bad argument parameter";
    case ErrorCode::device_unavailable: return "device unavailable";
    case ErrorCode::config_string_present: return "config string present";
    case ErrorCode::unsupported_version: return "unsupported version";
    case ErrorCode::target_reserved: return "target is reserved";
  }
  return "unknown error";
}

std::string_view text(ConfigCommand command) {
  const auto word = layout::word(Field::config_op, static_cast<std::uint64_t>(command));
  return word.empty() ? "unknown" : word;
}

std::string_view text(MaskError error) {
  switch (error) {
    case MaskError::none: return "none";
    case MaskError::unspecified: return "unspecified";
    case MaskError::bad_directive: return "bad directive";
    case MaskError::list_full: return "list full";
  }
  return "unknown";
}

}  // namespace aoe
