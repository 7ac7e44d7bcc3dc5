// The flushes of a store whose data can only be made stable as a whole.
//
// Flushes that arrive while a round is under way share the next one: the present one may have begun
// before writes that they must cover. Once a round has failed, all later flushes fail: the kernel
// reports a lost write once and then forgets it, but the data is still lost.
#pragma once

#include <cstdint>
#include <system_error>
#include <vector>

#include "target/store/disk_queue.h"
#include "target/store/file.h"
#include "target/store/store.h"

namespace aoe::target {

class Flusher {
 public:
  Flusher() = default;
  Flusher(const Flusher&) = delete;
  Flusher& operator=(const Flusher&) = delete;

  void start(StoreOperation& flush);
  /// Flushes that are over, since the beginning.
  std::uint64_t finished() const { return finished_; }

 protected:
  ~Flusher() = default;

  /// Makes stable what has been written so far, and calls end_round() later, not from here.
  virtual void begin_round() = 0;
  void end_round(std::error_code error);

 private:
  void next_round();

  std::vector<StoreOperation*> waiting_;
  std::vector<StoreOperation*> current_;  // of the round under way
  std::error_code error_;                 // of the first round that failed
  std::uint64_t finished_ = 0;
};

/// Flushes of one file, with fdatasync(), which on Linux covers what was written through a mapping.
/// A file that no longer reaches `end` has lost data, too: the end of the last page that a
/// truncated file keeps can still be written to, in vain.
class FileFlusher final : public Flusher, private DiskRequest {
 public:
  /// Both outlive it.
  FileFlusher(const File& file, std::uint64_t end, DiskQueue& queue);

 private:
  void begin_round() override { queue_.start(*this); }
  void done(int result) override;

  const File& file_;
  std::uint64_t end_;
  DiskQueue& queue_;
};

}  // namespace aoe::target
