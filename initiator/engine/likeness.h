// Whether two answers to IDENTIFY are of one disk.
//
// Serial number and size must be the same. That is proof where the serial number is the disk's own.
// It is none where it is empty, one character repeated, or begins with the disk's AoE address, as
// the serials that vblade and kvblade make up do: two disks that are served at one
// address, from hosts of one name, have the same. Pure.
#pragma once

#include <optional>

#include "proto/address.h"
#include "proto/identify.h"

namespace aoe::initiator {

struct Likeness {
  FixedText<20> serial;
  std::uint64_t sectors = 0;

  bool operator==(const Likeness& other) const {
    return serial == other.serial && sectors == other.sectors;
  }
};

inline Likeness likeness(const Identity& identity) {
  return {identity.serial, identity.sectors};
}

/// What an answer to IDENTIFY says, in the reading with the larger size.
struct UsableIdentity {
  Identity identity;
  /// The other reading, where the words that tell the size contradict each other, and it is smaller.
  std::optional<Identity> smaller{};
};

/// Reads the data of an answer to IDENTIFY, as initiators in the field do (Reading::lenient), and
/// strictly. Rejects as parse_identify() does, and a disk without sectors or with a wrong checksum.
tl::expected<UsableIdentity, Reject> usable_identity(Bytes data);

/// Returns whether this serial number, of a disk at this address, is the disk's own.
bool is_proof(const FixedText<20>& serial, Address address);

}  // namespace aoe::initiator
