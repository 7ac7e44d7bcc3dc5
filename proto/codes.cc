#include "proto/codes.h"

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
  switch (command) {
    case ConfigCommand::read: return "read";
    case ConfigCommand::test: return "test";
    case ConfigCommand::prefix: return "prefix";
    case ConfigCommand::set: return "set";
    case ConfigCommand::force_set: return "force-set";
  }
  return "unknown";
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
