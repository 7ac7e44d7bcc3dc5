// A store over a file or a block device that is read and written by calls off the event loop,
// through the page cache or, where the file was opened for direct I/O, past it. A MappedStore is
// one that reads and writes through a mapping instead.
//
// Owns the file. Nothing is immediate. An end of file where there should be sectors (the file was
// truncated) is an error. Where the file was opened with O_DSYNC, each write is stable before it is
// done.
#pragma once

#include "target/store/disk_queue.h"
#include "target/store/file.h"
#include "target/store/flusher.h"
#include "target/store/puncher.h"
#include "target/store/store.h"

namespace aoe::target {

class FileStore : public Store {
 public:
  /// A store over `range`, whole sectors within the file. The queue outlives the store.
  FileStore(File file, ByteRange range, DiskQueue& queue);

  std::uint64_t size() const override { return range_.length; }
  StoreTraits traits() const override;
  void start(Operation& operation) override;
  void submit() override { queue_.submit(); }
  void wait() override { queue_.wait(); }
  void cut(std::uint64_t size) override { flusher_.cut(range_.offset + size); }

  const File& file() const { return file_; }

 private:
  const File file_;
  const ByteRange range_;
  DiskQueue& queue_;
  Flusher flusher_;
  Puncher puncher_;
};

}  // namespace aoe::target
