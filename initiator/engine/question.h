// What one remote target is asked by one path, apart from its users' I/O: who it is (IDENTIFY),
// what it offers (Query Config), what is in a few sectors, or whether its last sector is there. The
// answer shows that this MAC address can be reached by this path, because nobody else can guess the
// question's tag.
//
// A path has one question at a time (membership.h). Plain data.
#pragma once

#include <cstdint>

#include "base/instant.h"

namespace aoe::initiator {

struct Question {
  enum class Kind : std::uint8_t { none, identify, config, sample, last_sector };

  Kind kind = Kind::none;
  bool extended = false;     // sample, last_sector: LBA48
  bool sent = false;         // its answer is awaited
  std::uint8_t sectors = 0;  // sample
  unsigned attempts = 0;     // transmissions
  std::uint32_t tag = 0;     // of the last
  std::uint64_t lba = 0;     // sample
  Instant first_sent = never;
  Instant last_sent{};
  Instant due{};  // sent: when it is repeated; else: when it may be sent

  bool is_pending() const { return kind != Kind::none; }
};

}  // namespace aoe::initiator
