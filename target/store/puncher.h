// The trims of a store over a file: what is trimmed becomes a hole, one range after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <system_error>

#include "target/store/disk_queue.h"
#include "target/store/file.h"
#include "target/store/trim_ranges.h"

namespace aoe::target {

class Puncher : Operation {
 public:
  /// Sector 0 is `offset` bytes into the file. File and queue outlive it.
  Puncher(const File& file, std::uint64_t offset, DiskQueue& queue);
  Puncher(const Puncher&) = delete;
  Puncher& operator=(const Puncher&) = delete;
  virtual ~Puncher() = default;

  /// Succeeds without doing anything where the file can have no holes.
  void start(Operation& trim);

 private:
  /// Returns the part of a range of the store that becomes a hole; it may be empty.
  virtual ByteRange punchable(ByteRange range) const { return range; }
  /// Called when this part, in bytes of the store, has become a hole.
  virtual std::error_code punched(ByteRange) { return {}; }

  void next_trim();
  void next_range();
  void end(std::error_code error);
  void done(std::error_code error) override;

  const bool can_punch_;
  const std::uint64_t start_;
  DiskQueue& queue_;
  OperationList waiting_;
  Operation* current_ = nullptr;      // the trim under way
  bool is_busy_ = false;              // one is under way, or is being told
  std::optional<TrimRanges> ranges_;  // of the trim under way
  ByteRange range_;                   // the one under way
};

}  // namespace aoe::target
