// `aoe-target overlay …`: shows and changes overlays that nothing serves.
//
// Opens the files with the locks that serving takes, so that a file in use is refused.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace aoe::target {

enum class OverlayAction : std::uint8_t { info, adopt, rebase, commit, compact };

struct OverlayArguments {
  OverlayAction action = OverlayAction::info;
  std::string delta;
  std::string base;      // for info: to compare with; none where empty
  std::string new_base;  // for rebase
  bool json = false;     // for info
};

/// Does what the arguments say and prints to `out` what was done, or the error, after "aoe-target: ",
/// to `errors`. Shows progress on standard error if that is a terminal. Returns the exit status: 0 or
/// 1.
int run_overlay(const OverlayArguments& arguments, std::FILE* out, std::FILE* errors = stderr);

}  // namespace aoe::target
