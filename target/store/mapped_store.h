// A FileStore that reads and writes through a mapping of its file where that needs no wait: the fast
// path, because a write costs a copy and no system call.
//
// Owns the mapping. What is in memory is done at once; what is not goes through the queue, as in a
// FileStore, so that many reads of a slow disk are under way together. Writes to parts of pages that
// are not in memory read those first, for the kernel would read them one after the other. The kernel
// does not read ahead for the mapping; the store does, where it is read in order. A write that faults
// in the mapping fails (mapping.h). Flushes and trims are those of a FileStore.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "target/store/file_store.h"
#include "target/store/mapping.h"
#include "target/store/read_ahead.h"

namespace aoe::target {

class MappedStore final : public FileStore {
 public:
  /// Opens a store over `range`, whole sectors within the file, which was not opened for direct
  /// I/O. The queue and `handover` outlive the store. Errors name the file.
  static tl::expected<std::unique_ptr<MappedStore>, std::string> open(File file, ByteRange range,
                                                                      DiskQueue& queue,
                                                                      Handover& handover);

  ~MappedStore() override;

  std::optional<Bytes> view(std::uint64_t offset, std::size_t size) override;
  void fetch_ahead(std::uint64_t offset, std::size_t size, Operation::Kind kind) override;
  std::optional<std::error_code> try_now(const Operation& operation) override;
  void start(Operation& operation) override;

 private:
  class PageRead;

  MappedStore(File file, ByteRange range, Mapping mapping, DiskQueue& queue);

  bool expect_read(std::uint64_t offset, std::size_t size);

  Mapping mapping_;
  ReadAhead read_ahead_;
  std::vector<std::unique_ptr<PageRead>> page_reads_;
};

}  // namespace aoe::target
