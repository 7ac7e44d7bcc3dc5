// What a capture shows of one finding: the two ends, what was asked before, what was answered, and
// how large the disk is.
//
// read_captured_case() reads the file twice: once to find what is wrong, and once for the bytes of
// the few frames that matter. So memory does not grow with the capture.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "harness/judge/finding.h"
#include "proto/address.h"

namespace aoe::harness {

/// A frame that is there whole, without VLAN tags; its destination is its peer's where the capture
/// has left that out.
struct CapturedBytes {
  std::uint64_t number = 0;  // in the capture, from 1
  Duration at{};             // since the capture began
  std::vector<std::uint8_t> bytes;
};

struct CapturedRequest : CapturedBytes {
  std::vector<CapturedBytes> replies{};  // that it got, in their order, wrong ones too
};

struct CapturedCase {
  Finding finding;          // without frames of a ledger: `guilty` has them
  std::uint64_t frame = 0;  // the number of the frame that it is about
  bool at_target = true;    // which end is to blame
  Mac initiator;
  Mac target;
  Address device;
  std::vector<CapturedRequest> requests;  // up to the one that it is about, which is the last
  /// With it, for what shows only together: those that waited then, or had the same tag. By their
  /// place in `requests`; empty for a target's.
  std::vector<std::size_t> together{};
  std::optional<CapturedBytes> announcement{};  // of the target, where no request is about it
  /// The last query and IDENTIFY that the device answered, perhaps later, with their answers; or its
  /// last announcement. They tell what follows.
  std::vector<CapturedBytes> telling{};
  /// Of a request without an answer: an exchange after it, which shows that the capture goes on.
  std::vector<CapturedBytes> after{};

  // What the device said, or else what its use shows.
  std::optional<std::uint16_t> buffers{};
  std::optional<std::uint8_t> sectors_max{};  // its Sector Count
  std::optional<std::uint64_t> capacity{};    // sectors, as IDENTIFY has it
  std::uint64_t used{};  // sectors, up to the last one that was read or written
  bool lba48 = true;
};

/// Which finding.
struct CaptureChoice {
  std::optional<std::uint64_t> frame{};  // about that frame, of any level; else the first of a rule
  std::optional<bool> at_target{};       // of that end
  std::string rule{};                    // by that rule; empty: by any
};

struct NoCase {
  bool is_unreadable = false;  // the file, or there is no frame of AoE in it
  std::string why;             // one line
};
/// The findings that can be taken, the most binding first, each of another rule. At most 32.
tl::expected<std::vector<CapturedCase>, NoCase> read_captured_cases(const std::string& path,
                                                                    const CaptureChoice& choice);

}  // namespace aoe::harness
