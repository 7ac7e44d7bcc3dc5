#include "target/mapped_store.h"

#include <utility>

#include "proto/check.h"

namespace aoe::target {

tl::expected<std::unique_ptr<MappedStore>, std::string> MappedStore::open(File file,
                                                                          ByteRange range,
                                                                          DiskQueue& queue) {
  auto mapping = Mapping::open(file, range, file.is_writable());
  if (!mapping) return tl::unexpected(mapping.error());
  return std::unique_ptr<MappedStore>(
      new MappedStore(std::move(file), range, *std::move(mapping), queue));
}

MappedStore::MappedStore(File file, ByteRange range, Mapping mapping, DiskQueue& queue)
    : file_(std::move(file)),
      range_(range),
      mapping_(std::move(mapping)),
      queue_(queue),
      flusher_(file_, range.offset + range.length, queue),
      puncher_(file_, range.offset, queue) {}

StoreTraits MappedStore::traits() const {
  return {file_.physical_sector_size(range_), file_.can_punch(), file_.can_punch()};
}

void MappedStore::start(StoreOperation& operation) {
  switch (operation.kind) {
    case StoreOperation::Kind::read:
      return operation.done(mapping_.read(operation.offset, operation.into));
    case StoreOperation::Kind::write:
      return operation.done(mapping_.write(operation.offset, operation.from));
    case StoreOperation::Kind::flush: return flusher_.start(operation);
    case StoreOperation::Kind::trim: return puncher_.start(operation);
  }
  AOE_CHECK(false && "an operation of no kind");
}

void MappedStore::wait() {
  const auto finished = [this] { return flusher_.finished() + puncher_.finished(); };
  for (const auto before = finished(); finished() == before;) queue_.wait();
}

}  // namespace aoe::target
