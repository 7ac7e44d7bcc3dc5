// The judge of data: what each sector of a disk may hold, by what was written to it, read from it
// and flushed.
//
// Each sector is a register. A write takes effect at some moment between its submission and its
// acknowledgement, a read shows what was there at some moment of its own; what reads show is right
// if there is an order of moments that explains all of them. With versions that differ that is
// quick to tell, because a version lives from the first end of a write or read that is about it to
// the last begin of one: two lives that overlap can't both be (Gibbons and Korach, "Testing shared
// memories", 1997). Judged by the sector, because neither ATA nor AoE promises that more happens at
// once: a request is split into frames, and a frame's sectors may be written one by one.
//
// A write that failed may have taken effect, and may yet do so until a later write is acknowledged.
// Its copy that arrives after that is a late duplicate, and so is that of a write which was
// acknowledged; or the second copy of one that is not, around another client's write. Data from one is wrong data, reported as a late duplicate, unless late duplicates
// are excused because a network makes them. A trim is a write of zeros that promises nothing.
//
// If the target may lose what it has not made stable (track_flushes), a flush that was acknowledged
// makes stable what was acknowledged before it was submitted: nothing older may be there after
// crash().
//
// Called by loads as requests begin and end. Only their order counts; it knows no time. A sector
// without a request costs eight bytes: versions that can't be seen any more are forgotten.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "harness/judge/pattern.h"
#include "harness/judge/record.h"

namespace aoe::harness {

/// Numbers what begins and ends, in order.
using Moment = std::uint64_t;

/// "sector 17 holds write 3, expected write 5".
struct WrongData {
  std::string text;
  bool was_flushed = false;  // the expected data should have survived the end of the target
  SectorRecord sector{};
};

class DiskHistory {
 public:
  /// What the disk holds before the first write. `found`: unknown content that doesn't change.
  enum class Fill : std::uint8_t { pattern, zeros, found };

  DiskHistory(std::uint64_t sectors, Fill fill);

  /// Late duplicates are counted rather than wrong: see copy_arrived().
  void excuse_late_duplicates() { late_excused_ = true; }
  void track_flushes();

  /// A write is submitted; returns its version. It ends: acknowledged or not.
  Version begin_write(std::uint64_t lba, std::uint64_t sectors) {
    return begin(lba, sectors, false);
  }
  Version begin_trim(std::uint64_t lba, std::uint64_t sectors) { return begin(lba, sectors, true); }
  void end_write(std::uint64_t lba, std::uint64_t sectors, Version version, bool acknowledged);
  void end_trim(std::uint64_t lba, std::uint64_t sectors, Version version) {
    end_write(lba, sectors, version, false);
  }

  Moment begin_read();
  /// A read ended with this data, or failed without data. Returns what is wrong with the first
  /// sector that is wrong.
  std::optional<WrongData> end_read(Moment begun, std::uint64_t lba, Bytes data);

  Moment begin_flush();
  void end_flush(Moment begun, bool acknowledged);
  /// The target ended, and may have lost what was not stable.
  void crash();

  /// Returns what is wrong with the data that the store holds now.
  std::optional<WrongData> verify(std::uint64_t lba, Bytes data);

  /// The target received a frame that writes this, for the first time or again.
  void copy_arrived(std::uint64_t lba, Bytes data);
  /// Sectors that a copy reached too late.
  std::uint64_t late_duplicates() const { return late_count_; }
  /// The first of them: "write 3 reached sector 4 again after write 5 was acknowledged".
  const std::string& first_late_duplicate() const { return first_late_; }

  /// Sectors for which more is remembered than their content.
  std::size_t open_sectors() const { return entries_.size() - free_.size(); }

 private:
  static constexpr Moment never = std::numeric_limits<Moment>::max();

  /// A write and the reads that have shown it.
  struct Write {
    Version version = 0;
    bool zeros = false;        // it wrote these
    bool seen = false;         // a read has shown it
    bool dead = false;         // no read can any more
    bool arrived = false;      // a copy has reached the target
    Moment begun = 0;          // it takes effect after this,
    Moment over = never;       // it ended; may still take effect until a later one is acknowledged
    Moment first_end = never;  // it had taken effect by then,
    Moment last_begin = 0;     // and was still there then
  };
  /// What may be there after a crash: any version of these.
  struct Survivors {
    Moment crash;
    Version least;
    Version most;
    bool zeros;
  };
  struct Entry {
    std::vector<Write> writes;
    std::optional<Survivors> survivors;
  };
  /// What a sector holds, at rest.
  struct Settled {
    Version version : 30 = 0;
    bool zeros : 1 = false;
    bool seen : 1 = false;
    std::uint32_t entry = 0;  // the index of its entry, from 1; 0: it has none
  };
  struct Content {
    std::optional<Version> version;  // of the write that made all of it
    bool zeros = false;
  };
  struct Extent {
    Moment since;
    std::uint64_t lba;
    std::uint64_t sectors;
  };
  struct Flush {
    Moment begun;
    std::vector<std::pair<std::uint64_t, Version>> floors;  // by sector
  };

  Version begin(std::uint64_t lba, std::uint64_t sectors, bool zeros);
  Entry& open(std::uint64_t lba);
  Entry* find(std::uint64_t lba);
  void settle(std::uint64_t lba);
  /// Forgets versions that no present or later read can see.
  void forget();

  std::optional<WrongData> judge(std::uint64_t lba, Bytes sector, Moment begun, Moment ended);
  static bool fits(const Entry& entry, const Write& write, Moment begun, Moment ended);
  bool survived(Entry& entry, const Content& content, Moment begun, Moment ended) const;
  Content content_of(std::uint64_t lba, Bytes sector);
  bool is_as_found(std::uint64_t lba, Bytes sector);
  WrongData wrong(std::uint64_t lba, Bytes sector, const Content& content, Moment begun,
                  Moment ended);
  std::string describe(std::uint64_t lba, Bytes sector, const Content& content) const;
  /// A copy of this version has reached the target. Returns the write that it may undo: one that was
  /// submitted later, where this version has ended; where it has not, and this is not its first copy,
  /// one of somebody else's that is under way beside it.
  std::optional<Version> undone_by(std::uint64_t lba, Version version);

  Version least_version(std::uint64_t lba);
  void touch(std::uint64_t lba, std::uint64_t sectors);

  const Fill fill_;
  std::vector<Settled> sectors_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;  // places of entries_
  Moment moment_ = 0;
  Version last_version_ = 0;

  std::deque<std::pair<Moment, bool>> reads_;  // at work, or not the oldest; is it over?
  std::deque<Extent> settling_;                // what was acknowledged and may be forgotten soon

  bool late_excused_ = false;
  std::uint64_t late_count_ = 0;
  std::string first_late_;
  std::unordered_map<std::uint64_t, Version> late_;         // the last late copy, by sector
  std::unordered_map<std::uint64_t, std::uint64_t> found_;  // fingerprints of what was found

  // For what survives a crash.
  bool tracks_flushes_ = false;
  Moment crashed_ = 0;
  std::vector<Version> stable_;       // the oldest version that may be there, by sector
  std::vector<bool> is_dirty_;        // was it written since the last flush?
  std::vector<std::uint64_t> dirty_;  // those that were
  std::vector<Flush> flushes_;        // at work
};

}  // namespace aoe::harness
