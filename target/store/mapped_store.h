// A FileStore that reads and writes through a mapping of its file: the fast path, because a write
// costs a copy and no system call.
//
// Owns the mapping. The kernel does not read ahead for the mapping; the store does, where it is read
// in order. Reads and writes are done before start() returns. A fault in the mapping is the error of
// that operation (mapping.h). Flushes and trims are those of a FileStore.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "target/store/file_store.h"
#include "target/store/mapping.h"
#include "target/store/read_ahead.h"

namespace aoe::target {

class MappedStore final : public FileStore {
 public:
  /// Opens a store over `range`, whole sectors within the file, which was not opened for direct
  /// I/O. The queue outlives the store. Errors name the file.
  static tl::expected<std::unique_ptr<MappedStore>, std::string> open(File file, ByteRange range,
                                                                      DiskQueue& queue);

  Bytes view(std::uint64_t offset, std::size_t size) override {
    return mapping_.view(offset, size);
  }
  void fetch_ahead(std::uint64_t offset, std::size_t size, Operation::Kind kind) override;
  bool is_immediate(Operation::Kind kind) const override {
    return kind == Operation::Kind::read || kind == Operation::Kind::write;
  }
  void start(Operation& operation) override;

 private:
  MappedStore(File file, ByteRange range, Mapping mapping, DiskQueue& queue)
      : FileStore(std::move(file), range, queue), mapping_(std::move(mapping)) {}

  const Mapping mapping_;
  ReadAhead read_ahead_;
};

}  // namespace aoe::target
