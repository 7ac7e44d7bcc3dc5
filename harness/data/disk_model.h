// What a disk must hold, by what was written to it and acknowledged: the judge of data.
//
// Each write has a version, and each sector the pattern of one. A write that is on its way, or that
// failed, may or may not have reached the disk: until the sector is written again, either version
// is right. Writes that are at work at once don't overlap (scenario.cc sees to that).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "proto/bytes.h"

namespace aoe::harness {

class DiskModel {
 public:
  /// Every sector holds version 0 (the pattern's, or zeros).
  DiskModel(std::uint64_t sectors, bool fill_pattern);

  /// A write begins; returns its version.
  std::uint32_t begin_write(std::uint64_t lba, std::uint64_t count);
  /// It was acknowledged. One that fails stays as it is: perhaps there, perhaps not.
  void acknowledge(std::uint64_t lba, std::uint64_t count, std::uint32_t version);

  /// The versions that each sector of a read may show, from what is known as the read begins.
  struct Snapshot {
    std::uint64_t lba;
    std::vector<std::vector<std::uint32_t>> versions;  // a sector
  };
  Snapshot begin_read(std::uint64_t lba, std::uint64_t count) const;
  /// The read is over: a sector is right if it was so when it began, or is so now. Returns what is
  /// wrong with the first that is not: "sector 17 holds write 3, expected write 5", "sector 17
  /// holds what belongs to sector 18, expected what it held at first".
  std::optional<std::string> end_read(const Snapshot& snapshot, Bytes data) const;

  /// Is what the store holds now right?
  std::optional<std::string> verify(std::uint64_t lba, Bytes data) const;

 private:
  std::vector<std::uint32_t> versions_of(std::uint64_t lba) const;
  bool holds(std::uint64_t lba, std::uint32_t version, Bytes sector) const;
  std::string describe_wrong(std::uint64_t lba, Bytes sector) const;
  std::string describe_content(std::uint64_t lba, Bytes sector) const;

  const bool fill_pattern_;
  std::vector<std::uint32_t> acknowledged_;                                  // by sector
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> uncertain_;  // beside these
  std::uint32_t last_version_ = 0;
};

}  // namespace aoe::harness
