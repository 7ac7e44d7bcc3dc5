#include "target/store/file_store.h"

#include <utility>

#include "base/check.h"

namespace aoe::target {

/// A read or write under way, perhaps in several requests.
class FileStore::Transfer final : public DiskRequest {
 public:
  explicit Transfer(FileStore& store) : store_(store) { descriptor = store.file_.descriptor(); }

  void begin(StoreOperation& operation) {
    operation_ = &operation;
    const bool reads = operation.kind == StoreOperation::Kind::read;
    kind = reads ? Kind::read : Kind::write;
    offset = store_.range_.offset + operation.offset;
    into = operation.into;
    from = operation.from;
    store_.queue_.start(*this);
  }

 private:
  void done(int result) override;

  FileStore& store_;
  StoreOperation* operation_ = nullptr;
};

void FileStore::Transfer::done(int result) {
  if (result < 0) return store_.finish(*this, *operation_, error_of(-result));
  // Direct I/O goes on only where memory and file are aligned for it.
  const std::size_t moved = static_cast<std::size_t>(result) / store_.file_.memory_alignment() *
                            store_.file_.memory_alignment();
  const std::size_t asked = kind == Kind::read ? into.size() : from.size();
  if (static_cast<std::size_t>(result) == asked) return store_.finish(*this, *operation_, {});
  if (moved == 0) return store_.finish(*this, *operation_, error_of(EIO));
  offset += moved;
  if (kind == Kind::read) {
    into = into.subspan(moved);
  } else {
    from = from.subspan(moved);
  }
  store_.queue_.start(*this);
}

FileStore::FileStore(File file, ByteRange range, DiskQueue& queue)
    : file_(std::move(file)),
      range_(range),
      queue_(queue),
      flusher_(file_, range.offset + range.length, queue),
      puncher_(file_, range.offset, queue) {}

FileStore::~FileStore() {
  AOE_CHECK(idle_.size() == transfers_.size());
}

StoreTraits FileStore::traits() const {
  return {file_.physical_sector_size(range_), file_.can_punch(), file_.can_punch()};
}

void FileStore::start(StoreOperation& operation) {
  switch (operation.kind) {
    case StoreOperation::Kind::read:
    case StoreOperation::Kind::write: return start_transfer(operation);
    case StoreOperation::Kind::flush: return flusher_.start(operation);
    case StoreOperation::Kind::trim: return puncher_.start(operation);
  }
  AOE_CHECK(false && "an operation of no kind");
}

void FileStore::start_transfer(StoreOperation& operation) {
  const std::size_t size =
      operation.kind == StoreOperation::Kind::read ? operation.into.size() : operation.from.size();
  AOE_CHECK(operation.offset <= range_.length && size <= range_.length - operation.offset);
  if (idle_.empty()) {
    transfers_.push_back(std::make_unique<Transfer>(*this));
    idle_.push_back(transfers_.back().get());
  }
  Transfer& transfer = *idle_.back();
  idle_.pop_back();
  transfer.begin(operation);
}

void FileStore::finish(Transfer& transfer, StoreOperation& operation, std::error_code error) {
  idle_.push_back(&transfer);
  ++transfers_finished_;
  operation.done(error);
}

void FileStore::wait() {
  const auto finished = [this] {
    return transfers_finished_ + flusher_.finished() + puncher_.finished();
  };
  for (const auto before = finished(); finished() == before;) queue_.wait();
}

}  // namespace aoe::target
