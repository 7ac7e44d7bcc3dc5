// The trims of a store over a file: what is trimmed becomes a hole, one range after the other.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <system_error>

#include "target/store/disk_queue.h"
#include "target/store/file.h"
#include "target/store/store.h"
#include "target/store/trim_ranges.h"

namespace aoe::target {

class Puncher : private DiskRequest {
 public:
  /// Sector 0 is `offset` bytes into the file; both of the others outlive it.
  Puncher(const File& file, std::uint64_t offset, DiskQueue& queue);
  Puncher(const Puncher&) = delete;
  Puncher& operator=(const Puncher&) = delete;

  /// Where the file can have no holes, this does nothing.
  void start(StoreOperation& trim);
  /// Trims that are over, since the beginning.
  std::uint64_t finished() const { return finished_; }

 protected:
  ~Puncher() = default;

 private:
  /// Which part of a range of the store becomes a hole; perhaps none of it.
  virtual ByteRange punchable(ByteRange range) const { return range; }
  /// This part, in bytes of the store, is now a hole.
  virtual std::error_code punched(ByteRange) { return {}; }

  void next_range();
  void end(std::error_code error);
  void done(int result) override;

  const bool can_punch_;
  const std::uint64_t start_;
  DiskQueue& queue_;
  std::deque<StoreOperation*> waiting_;  // the first of them is under way
  std::optional<TrimRanges> ranges_;     // of the first
  ByteRange range_;                      // on its way
  std::uint64_t finished_ = 0;
};

/// Trims every sector it is told to.
class FilePuncher final : public Puncher {
 public:
  using Puncher::Puncher;
};

}  // namespace aoe::target
