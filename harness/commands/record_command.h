// `aoe-harness record`: keeps what passes by on an interface in a capture, and ends with what
// `check` says of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/instant.h"

namespace aoe::harness {

struct RecordOptions {
  std::string file;
  std::string interface;
  std::optional<Duration> time;  // none: until it is told to end
  std::uint64_t count = 0;       // frames; 0: however many
  bool verbose = false;          // print each
};

/// Returns the program's exit status.
int record_command(const RecordOptions& options);

}  // namespace aoe::harness
