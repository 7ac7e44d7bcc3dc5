// Reads ahead of a program that reads a disk's file from front to back, so that the disk has something
// to do while the program looks at what it got.
//
// Each open file has one, which begins when a read follows the last one, doubles with each read that
// it could answer, and ends with the first that is elsewhere. What it holds is given out once, within a
// second, and never what a write or zeroing through the same ByteDisk has changed since. It is not for
// who asked for O_DIRECT: another initiator's write may be up to a second younger than what is read.
//
// An engine: the time is an argument. One thread, the ByteDisk's.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/instant.h"
#include "initiator/mount/byte_disk.h"
#include "initiator/mount/byte_limit.h"

namespace aoe::initiator {

class ReadAhead final : ByteDisk::ChangeListener {
 public:
  /// Bytes that may be held for one open file.
  static constexpr std::size_t held_max = 1 << 20;
  static constexpr Duration age_max = std::chrono::seconds(1);

  using Buffers = std::vector<std::vector<std::uint8_t>>;
  /// What the open files of one disk share: the disk, how much all of them may hold, and memory that is
  /// not used.
  struct Source {
    ByteDisk& disk;
    ByteLimit& limit;
    Buffers unused{};
  };
  /// Reads that nobody waits for any more keep the source alive.
  explicit ReadAhead(std::shared_ptr<Source> source);
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  ~ReadAhead();

  /// As ByteDisk::read(). `end`: where the file ends, bytes from the start of the disk. `done` may be
  /// called from within.
  void read(std::uint64_t offset, std::size_t size, std::uint64_t end, ByteDisk::ReadDone done,
            CancelSlot slot, Instant now);

 private:
  struct Piece;

  void changed(std::uint64_t offset, std::uint64_t length) override;
  void let_go(Instant now) override;
  bool has_next(std::uint64_t offset, std::size_t size, Instant now) const;
  void go_on(std::size_t size, std::uint64_t end, Instant now);
  void begin(std::uint64_t offset, std::size_t size, Instant now);
  void drop();

  const std::shared_ptr<Source> source_;
  std::uint64_t next_ = ~std::uint64_t{0};     // where the next read is if they go on
  std::size_t pieces_max_ = 0;                 // as many may be ahead
  std::deque<std::shared_ptr<Piece>> pieces_;  // from next_ on, one after the other
};

}  // namespace aoe::initiator
