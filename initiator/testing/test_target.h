// The smallest target there can be: a disk in memory, for tests of the initiator.
//
// Frames in, frames out: no ports, no time. It is not the project's target, so that a
// misunderstanding of ours does not meet itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "proto/frame.h"
#include "proto/identify.h"

namespace aoe::initiator {

class TestTarget {
 public:
  TestTarget(Address address, std::size_t sectors);

  /// What it offers in its config answers.
  ConfigReply offer{.buffer_count = 16, .sector_count = 255};

  /// What it says to a frame that arrives at its card `mac`, if anything.
  std::optional<std::vector<std::uint8_t>> answer(Bytes request, const Mac& mac);
  /// What it tells everyone when it comes up.
  std::vector<std::uint8_t> announcement(const Mac& mac) const;

  /// Says that it has so many sectors from now on; at most those that it was made with are there.
  void resize(std::uint64_t sectors);
  /// Says that it has this serial number from now on.
  void set_serial(std::string_view serial);
  /// Its whole content, one byte each; bytes.
  MutableBytes disk() { return disk_; }

  std::vector<std::uint8_t> sectors(std::uint64_t lba, std::size_t count) const;
  unsigned flushes() const { return flushes_; }
  /// Commands that have changed the disk.
  unsigned changes() const { return changes_; }

 private:
  Body answer_ata(const AtaRequest& request);

  const Address address_;
  std::vector<std::uint8_t> disk_;
  Identity identity_;
  std::array<std::uint8_t, identify_size> block_;  // that it answers to IDENTIFY
  unsigned flushes_ = 0;
  unsigned changes_ = 0;
};

}  // namespace aoe::initiator
