// The SMART data of a LUN (ATA8-ACS, 7.52): the errors and the sectors of its store since the
// target was started.
//
// There is no hardware to wear out, so there is only one prediction: a disk of which an operation
// has failed is failing.
#pragma once

#include <cstdint>
#include <span>

#include "proto/identify.h"

namespace aoe::target {

/// Owned by a Lun; Service counts the operations of its store here.
struct Health {
  std::uint64_t reads_failed = 0;
  std::uint64_t writes_failed = 0;  // flushes and trims too
  std::uint64_t sectors_read = 0;
  std::uint64_t sectors_written = 0;

  bool is_failing() const { return reads_failed + writes_failed > 0; }
};

using SmartBlock = std::span<std::uint8_t, 512>;

// Each function fills all 512 bytes.

/// Builds the data of SMART READ DATA: attributes 1 (read errors), 200 (write errors), 241 and 242
/// (sectors written and read).
void build_smart_data(const Health& health, SmartBlock out);
/// Builds the data of SMART READ THRESHOLDS. An error takes an attribute below its threshold.
void build_smart_thresholds(SmartBlock out);
/// Builds the log directory for SMART READ LOG. There is no other log.
void build_smart_log_directory(SmartBlock out);

}  // namespace aoe::target
