// The partitions of a disk, as libblkid finds them: GPT, MBR with logical ones, and whatever else
// it knows.
//
// libblkid reads a descriptor. It gets that of a file in memory that is as large as the disk, and
// empty except for the places of tables, which PartitionReader names one after the other.
#pragma once

#include <cstdint>
#include <vector>

#include <tl/expected.hpp>

#include "base/bytes.h"
#include "base/descriptor.h"

namespace aoe::initiator {

struct Partition {
  std::uint16_t number = 0;  // from 1
  std::uint64_t start = 0;   // bytes, whole sectors
  std::uint64_t size = 0;

  bool operator==(const Partition&) const = default;
};

/// Finds the partitions of one disk. The caller reads the place that next() returns and passes its
/// bytes to add(), until next() returns an empty place.
class PartitionReader {
 public:
  /// Makes a reader for a disk of `size` bytes.
  static tl::expected<PartitionReader, std::error_code> make(std::uint64_t size);

  /// A place on the disk, in bytes; whole sectors.
  struct Place {
    std::uint64_t start = 0;
    std::uint64_t size = 0;  // 0: all has been read

    bool operator==(const Place&) const = default;
  };
  Place next() const { return places_.empty() ? Place{} : places_.front(); }
  /// Takes the bytes of next().
  std::error_code add(Bytes bytes);

  /// Returns the partitions, when all was read, by number.
  std::vector<Partition> partitions() const;

 private:
  PartitionReader(Descriptor copy, std::uint64_t size);
  std::error_code copy(Bytes bytes, std::uint64_t start);
  void follow_chain(Bytes sector, std::uint64_t start);

  Descriptor copy_;
  std::uint64_t size_;
  std::vector<Place> places_;   // to be read
  std::uint64_t extended_ = 0;  // where the MBR's extended partition starts, bytes; 0: none
  int links_ = 0;               // of its chain, so far
};

}  // namespace aoe::initiator
