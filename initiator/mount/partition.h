// The partitions of a disk, as libblkid finds them: GPT, MBR with logical ones, and what else it
// knows.
//
// libblkid reads a descriptor. It gets one of a file in memory that is as large as the disk and
// empty but for the places where tables lie, which PartitionReader names one after the other.
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

/// Finds the partitions of one disk. The caller reads from the disk what next() asks for, gives it
/// to add(), and again, until there is nothing more to read.
class PartitionReader {
 public:
  /// Of a disk of this many bytes.
  static tl::expected<PartitionReader, std::error_code> make(std::uint64_t size);

  /// A place on the disk, in bytes; whole sectors.
  struct Place {
    std::uint64_t start = 0;
    std::uint64_t size = 0;  // 0: nothing more

    bool operator==(const Place&) const = default;
  };
  Place next() const { return places_.empty() ? Place{} : places_.front(); }
  /// The bytes of next().
  std::error_code add(Bytes bytes);

  /// What there is, when all was read: by number.
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
