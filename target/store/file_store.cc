#include "target/store/file_store.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace aoe::target {

FileStore::FileStore(File file, ByteRange range, DiskQueue& queue)
    : file_(std::move(file)),
      range_(range),
      queue_(queue),
      flusher_(file_, range.offset + range.length, queue),
      puncher_(file_, range.offset, queue) {}

StoreTraits FileStore::traits() const {
  return {file_.physical_sector_size(range_), file_.can_punch(), file_.can_punch()};
}

void FileStore::start(Operation& operation) {
  if (operation.kind == Operation::Kind::flush) return flusher_.start(operation);
  if (operation.kind == Operation::Kind::trim) return puncher_.start(operation);
  const std::size_t size = std::max(operation.into.size(), operation.from.size());
  AOE_CHECK(operation.offset <= range_.length && size <= range_.length - operation.offset);
  file_.aim(operation);
  operation.offset += range_.offset;
  // It would make a file longer again that was truncated.
  if (operation.kind == Operation::Kind::write && !file_.is_device() && !file_.is_remote() &&
      !file_.reaches(operation.offset + size)) {
    return operation.done(error_of(EIO));
  }
  queue_.start(operation);
}

}  // namespace aoe::target
