// Compares the content of two remote targets, to find out whether they are one disk.
//
// A few sectors are read by both: where disks differ that were made alike (boot sector, partition
// tables and their copy at the end, superblocks, labels), some spread over the disk, and what was
// written last. A difference counts only if it lasts: the place is read again, later each time,
// because others may write there. It does not count where this initiator was writing in between.
// Places that hold one byte throughout on both are no evidence: two new disks look alike.
//
// A function of what was read; the caller (membership.h) reads, and keeps the time. Bounded.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/instant.h"

namespace aoe::initiator {

class ContentSample {
 public:
  enum class Verdict : std::uint8_t {
    undecided,
    same,
    different,
    blank,  // no difference, and no evidence
  };
  enum Side : std::uint8_t { candidate, reference };

  static constexpr std::uint8_t sectors_max = 2;  // at each place
  static constexpr unsigned tries_max = 5;
  static constexpr Duration first_pause = std::chrono::milliseconds(20);  // doubles each time

  /// Of a disk of so many sectors. `written`: a place where something was written lately.
  explicit ContentSample(std::uint64_t disk_sectors, std::optional<std::uint64_t> written = {});

  /// Where to read now; both sides the same. Valid while undecided.
  std::uint64_t lba() const { return places_[place_]; }
  std::uint8_t sectors() const;
  /// The last place that was compared: once it is decided.
  std::uint64_t lba_last() const { return places_[std::min(place_, count_ - 1)]; }
  /// When to read.
  Instant due() const { return due_; }

  /// Reading begins on both sides; `writing`: while something is being written there.
  void begin(bool writing);
  /// Something is written from now on.
  void note_write(std::uint64_t lba, std::uint64_t sectors);
  /// What one side read. Returns the verdict after both.
  Verdict read(Side side, Bytes data, Instant now);
  /// The place can't be read by one side.
  Verdict skip();

 private:
  Verdict next();

  static constexpr std::size_t places_max = 18;
  std::uint64_t disk_sectors_;
  std::array<std::uint64_t, places_max> places_{};
  std::size_t count_ = 0;
  std::size_t place_ = 0;
  std::array<std::optional<std::uint64_t>, 2> hashes_{};  // by Side
  bool evidence_ = false;                                 // a place that is not blank was the same
  bool blank_ = true;                                     // this place, on both sides
  bool disturbed_ = false;
  unsigned tries_ = 0;
  Instant due_ = Instant::min();
};

}  // namespace aoe::initiator
