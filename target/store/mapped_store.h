// A store over a mapping of a regular file or a block device: the fast path, because a write
// through a mapping costs a copy and no system call.
//
// Owns the file and the mapping. The kernel does not read ahead for the mapping; the store does,
// where it is read in order. Reads and writes are done before start() returns. A fault in the
// mapping is the error of that operation (mapping.h). Flushes and trims go through the queue.
#pragma once

#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "target/store/disk_queue.h"
#include "target/store/file.h"
#include "target/store/flusher.h"
#include "target/store/mapping.h"
#include "target/store/puncher.h"
#include "target/store/read_ahead.h"
#include "target/store/store.h"

namespace aoe::target {

class MappedStore final : public Store {
 public:
  /// Opens a store over `range`, whole sectors within the file, which was not opened for direct
  /// I/O. The queue outlives the store. Errors name the file.
  static tl::expected<std::unique_ptr<MappedStore>, std::string> open(File file, ByteRange range,
                                                                      DiskQueue& queue);

  std::uint64_t size() const override { return mapping_.size(); }
  StoreTraits traits() const override;
  Bytes view(std::uint64_t offset, std::size_t size) override {
    return mapping_.view(offset, size);
  }
  void fetch_ahead(std::uint64_t offset, std::size_t size, Operation::Kind kind) override;
  bool is_immediate(Operation::Kind kind) const override {
    return kind == Operation::Kind::read || kind == Operation::Kind::write;
  }
  void start(Operation& operation) override;
  void submit() override { queue_.submit(); }
  void wait() override { queue_.wait(); }

 private:
  MappedStore(File file, ByteRange range, Mapping mapping, DiskQueue& queue);

  const File file_;
  const ByteRange range_;
  const Mapping mapping_;
  DiskQueue& queue_;
  Flusher flusher_;
  Puncher puncher_;
  ReadAhead read_ahead_;
};

}  // namespace aoe::target
