// A store over a file or a block device that is read and written by calls off the event loop,
// through the page cache or, where the file was opened for direct I/O, past it.
//
// Owns the file. Nothing is immediate. What the kernel did in part is continued; an end of file
// where there should be sectors (the file was truncated) is an error. Where the file was opened
// with O_DSYNC, each write is stable before it is done.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "target/store/disk_queue.h"
#include "target/store/file.h"
#include "target/store/flusher.h"
#include "target/store/puncher.h"
#include "target/store/store.h"

namespace aoe::target {

class FileStore final : public Store {
 public:
  /// Over `range`, whole sectors within the file. The queue outlives the store.
  FileStore(File file, ByteRange range, DiskQueue& queue);
  ~FileStore() override;

  std::uint64_t size() const override { return range_.length; }
  StoreTraits traits() const override;
  bool is_immediate(StoreOperation::Kind) const override { return false; }
  void start(StoreOperation& operation) override;
  void submit() override { queue_.submit(); }
  void wait() override;

 private:
  class Transfer;

  void start_transfer(StoreOperation& operation);
  void finish(Transfer& transfer, StoreOperation& operation, std::error_code error);

  const File file_;
  const ByteRange range_;
  DiskQueue& queue_;
  FileFlusher flusher_;
  FilePuncher puncher_;
  std::vector<std::unique_ptr<Transfer>> transfers_;  // as many as were ever in flight at once
  std::vector<Transfer*> idle_;                       // of these
  std::uint64_t transfers_finished_ = 0;
};

}  // namespace aoe::target
