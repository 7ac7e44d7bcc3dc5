// What SMART (ATA8-ACS, 7.52) says of a LUN: how its store has fared since the target was started.
//
// There is no hardware to wear out, so the only prediction is a plain one: a disk of which an
// operation has failed is failing.
#pragma once

#include <cstdint>
#include <span>

#include "proto/identify.h"

namespace aoe::target {

/// Owned by a Lun; whoever does the disk's work counts here.
struct Health {
  std::uint64_t reads_failed = 0;
  std::uint64_t writes_failed = 0;  // flushes and trims too
  std::uint64_t sectors_read = 0;
  std::uint64_t sectors_written = 0;

  bool is_failing() const { return reads_failed + writes_failed > 0; }
};

using SmartBlock = std::span<std::uint8_t, 512>;

// Each fills all 512 bytes.

/// SMART READ DATA: attributes 1 (read errors), 200 (write errors), 241 and 242 (sectors written
/// and read).
void build_smart_data(const Health& health, SmartBlock out);
/// SMART READ THRESHOLDS: an error takes an attribute below its threshold.
void build_smart_thresholds(SmartBlock out);
/// SMART READ LOG of the log directory: there is no other log.
void build_smart_log_directory(SmartBlock out);

}  // namespace aoe::target
