// What a capture asks of one device, in order, with what it was answered: read from the capture
// once, to be asked of an implementation again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "proto/frame.h"

namespace aoe::harness {

struct ReplayRequest {
  std::uint64_t number = 0;  // of its frame in the capture
  std::vector<std::uint8_t> bytes;
  std::uint64_t answer_number = 0;
  std::vector<std::uint8_t> answer{};  // the first one; empty: none came
  /// Silence is an answer to a test or prefix of the config string.
  bool may_be_silent = false;
  /// It reads what a write without an answer may have changed: its data says nothing.
  bool is_unsure = false;
};

/// What a sector held before the capture wrote to it.
struct KnownSector {
  std::uint64_t lba = 0;
  std::vector<std::uint8_t> bytes;
};

struct ReplayPlan {
  Address device;
  Mac target{};  // that was asked
  std::vector<ReplayRequest> requests;
  std::uint64_t sectors = 0;  // the most that an IDENTIFY has, else as many as were used; not 0
  std::vector<KnownSector> disk;
  std::size_t beyond = 0;  // sectors that were read, and that IDENTIFY says there are not
  /// What was there at the start and is not restored: "mask list", "reservation".
  std::vector<std::string> not_restored{};
  std::vector<std::uint8_t> config;  // the string that it had before anything was set
  std::uint16_t buffers = 16;        // advertised
  std::uint16_t mtu = 1500;          // that its frames need
  std::size_t cut = 0;               // requests and answers that the capture holds in part only
  std::string cut_off{};             // why the file could not be read to its end; empty: it was
};

/// Reads the capture; `device` says which one, where it has several. The error is one line.
tl::expected<ReplayPlan, std::string> read_replay_plan(const std::string& capture,
                                                       const std::optional<Address>& device);

}  // namespace aoe::harness
