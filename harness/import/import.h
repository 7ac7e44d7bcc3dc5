// `aoe-harness import`: a capture from the field becomes a scenario that shows the same failure.
//
// Takes the findings of `check`, the most binding first, until one of them can be played: our own
// ends pass the scenario in virtual time, and what was captured fails it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "harness/import/captured_case.h"
#include "harness/import/scenario_text.h"

namespace aoe::harness {

struct Imported {
  CapturedCase shown;
  ScenarioDraft draft;
  std::vector<std::string> passed_over;  // findings that can't be played, and why; in lines
  std::size_t others = 0;                // findings of other kinds that were not looked at
};

struct NotImported {
  bool is_unreadable = false;
  std::string why;  // lines
};

tl::expected<Imported, NotImported> import_capture(const std::string& path,
                                                   const CaptureChoice& choice,
                                                   const ImportOptions& options);

/// Returns the frames that show it, in the order and with the times of the capture: the requests
/// that the scenario has and their replies, what says how large the disk is and what it takes at
/// once, and after a request without an answer one with one. Where `check` does not find the same in these alone, all that came before are with them.
std::vector<CapturedBytes> frames_that_show(const Imported& imported);

}  // namespace aoe::harness
