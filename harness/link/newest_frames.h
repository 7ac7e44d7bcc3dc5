// The bytes of the newest frames of a run, at most so many bytes in all: the oldest make room.
//
// Owned by the ledger. The room is taken once, and used round
// and round; adding a frame copies it and does nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "base/bytes.h"

namespace aoe::harness {

class NewestFrames {
 public:
  NewestFrames() = default;  // keeps nothing
  /// `room`: bytes.
  explicit NewestFrames(std::size_t room)
      : room_(room), bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(room)) {}

  /// Adds the newest frame. One that is longer than the room takes the place of all others and is
  /// not kept.
  void add(Bytes frame);
  /// Returns how many frames are kept: the newest ones.
  std::size_t size() const { return places_.size(); }
  /// Returns the frame with that index among them, the oldest first. Valid until the next add().
  Bytes operator[](std::size_t index) const {
    return {bytes_.get() + places_[index].begin, places_[index].length};
  }

 private:
  struct Place {
    std::size_t begin;
    std::size_t length;
  };

  std::size_t room_ = 0;
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::deque<Place> places_;  // of each
  std::size_t next_ = 0;      // where the next one begins, if it fits there
};

}  // namespace aoe::harness
