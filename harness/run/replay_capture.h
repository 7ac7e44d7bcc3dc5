// `aoe-harness replay FILE.pcap`: asks an implementation what a capture's requests asked, one after
// the other, and compares its answers with the capture's.
//
// The implementation's disk begins as the capture shows it: as large as IDENTIFY says, with what
// was read before it was written, and with the config string that was read first. Frames keep their
// sources and all that they hold, but the target's address and the tag.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "harness/run/run_case.h"

namespace aoe::harness {

struct CaptureReplayOptions {
  std::string capture;
  CaseOptions cases;              // against what
  std::optional<Address> device;  // which one of the capture
  std::optional<Address> at;      // address of what is tested on a wire; nothing: that of `device`
  bool exact = false;             // compare all fields
  std::set<std::string> ignored;  // of reply_fields(): beside those that are free
  bool quiet = false;             // differences only
};

/// Returns whether the file, decompressed, begins as a capture does; false for what can't be read.
bool is_capture(const std::string& path);

/// Returns the program's exit status.
int replay_capture(const CaptureReplayOptions& options);

}  // namespace aoe::harness
