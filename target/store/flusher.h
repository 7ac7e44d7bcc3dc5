// The flushes of a store whose data can only be made stable as a whole: with fdatasync(2), which on
// Linux covers what was written through a mapping.
//
// Flushes that arrive while a round is under way share the next one: the present one may have begun
// before writes that they must cover. Once a round has failed, all later flushes fail: the kernel
// reports a lost write once and then forgets it, but the data is still lost. A round that the queue
// could not have done for want of memory (EAGAIN) has lost nothing: the next may succeed.
#pragma once

#include <cstdint>
#include <system_error>

#include "target/store/disk_queue.h"
#include "target/store/file.h"

namespace aoe::target {

class Flusher : protected Operation {
 public:
  /// A file that no longer reaches `end` has lost data, so its flushes fail: the end of the last
  /// page that a truncated file keeps can still be written to, without effect. File and queue
  /// outlive it.
  Flusher(const File& file, std::uint64_t end, DiskQueue& queue);
  Flusher(const Flusher&) = delete;
  Flusher& operator=(const Flusher&) = delete;
  virtual ~Flusher() = default;

  void start(Operation& flush);
  /// Notes that the file was made shorter on purpose: a flush that begins from now on need not find
  /// what was beyond `end`.
  void cut(std::uint64_t end);

 protected:
  /// Begins to make stable what has been written so far; end_round() follows, not from within this.
  /// Throws std::bad_alloc when there is no memory, and nothing has begun.
  virtual void begin_round();
  void end_round(std::error_code error);
  /// Syncs the file; done() follows.
  void sync();
  void done(std::error_code error) override;
  /// The error of a sync that succeeded: EIO where the file is too short.
  std::error_code lost_data() const;

  DiskQueue& queue_;

 private:
  void next_round();
  void tell(std::error_code error);

  const File& file_;
  std::uint64_t end_;
  OperationList waiting_;
  OperationList current_;  // of the round under way
  bool is_busy_ = false;   // a round is under way, or its flushes are being told
  std::error_code error_;  // of the first round that failed
};

}  // namespace aoe::target
