#include "target/store/mapped_store.h"

#include <algorithm>

#include "base/check.h"

namespace aoe::target {
tl::expected<std::unique_ptr<MappedStore>, std::string> MappedStore::open(File file,
                                                                          ByteRange range,
                                                                          DiskQueue& queue,
                                                                          Handover& handover) {
  auto mapping = Mapping::open(file, range, file.is_writable(), handover);
  if (!mapping) return tl::unexpected(mapping.error());
  return std::unique_ptr<MappedStore>(
      new MappedStore(std::move(file), range, *std::move(mapping), queue));
}

/// Reads the pages of a write, which then is done in them.
class MappedStore::PageRead final : public Operation {
 public:
  PageRead(MappedStore& store, ByteRange pages, Operation& write) : store_(store), write_(write) {
    kind = Kind::read;
    offset = pages.offset;
    into = Mapping::room_for_unused(pages.length);
  }

 private:
  void done(std::error_code error) override {
    // By a call it may take as long as it likes.
    const bool by_call = !error && store_.mapping_.is_stuck();
    const auto result =
        error || by_call ? error : store_.mapping_.write(write_.offset, write_.from);
    const auto own = std::ranges::find(store_.page_reads_, this, &std::unique_ptr<PageRead>::get);
    const std::unique_ptr<PageRead> until_the_end = std::move(*own);
    *own = std::move(store_.page_reads_.back());
    store_.page_reads_.pop_back();
    if (by_call) return store_.FileStore::start(write_);
    write_.done(result);
  }

  MappedStore& store_;
  Operation& write_;
};

MappedStore::MappedStore(File file, ByteRange range, Mapping mapping, DiskQueue& queue)
    : FileStore(std::move(file), range, queue), mapping_(std::move(mapping)) {}

MappedStore::~MappedStore() {
  AOE_CHECK(page_reads_.empty());
}

/// The places of a batch are far apart in memory: the processor fetches them at the same time.
void MappedStore::fetch_ahead(std::uint64_t offset, std::size_t size, Operation::Kind kind) {
  constexpr std::size_t cache_line = 64;
  constexpr std::size_t fetched_size_max = 2048;
  const Bytes place = mapping_.memory(offset, std::min(size, fetched_size_max));
  const bool is_read = kind == Operation::Kind::read;
  for (std::size_t at = 0; at < place.size(); at += cache_line) {
    if (is_read) {
      __builtin_prefetch(&place[at], 0);
    } else {
      __builtin_prefetch(&place[at], 1);
    }
  }
}

/// Notes a read, and returns whether it can be done at once.
bool MappedStore::expect_read(std::uint64_t offset, std::size_t size) {
  if (mapping_.is_stuck()) return false;
  if (const auto range = read_ahead_.read(offset, size)) {
    mapping_.expect(range->offset, range->length);
  }
  return mapping_.is_at_hand(offset, size);
}

std::optional<Bytes> MappedStore::view(std::uint64_t offset, std::size_t size) {
  if (!expect_read(offset, size)) return std::nullopt;
  return mapping_.view(offset, size);
}

std::optional<std::error_code> MappedStore::try_now(const Operation& operation) {
  const std::uint64_t offset = operation.offset;
  if (operation.kind == Operation::Kind::read && expect_read(offset, operation.into.size())) {
    // A page that can't be mapped may still be read, as a hole in a full tmpfs; else the queue
    // returns the error of the disk or the file.
    if (!mapping_.read(offset, operation.into)) return std::error_code{};
  }
  if (operation.kind == Operation::Kind::write &&
      mapping_.is_at_hand(offset, operation.from.size())) {
    return mapping_.write(offset, operation.from);
  }
  return std::nullopt;
}

void MappedStore::start(Operation& operation) {
  if (operation.kind == Operation::Kind::write) {
    const ByteRange pages = mapping_.pages_of(operation.offset, operation.from.size());
    if (pages.length != operation.from.size()) {
      page_reads_.push_back(std::make_unique<PageRead>(*this, pages, operation));
      return FileStore::start(*page_reads_.back());
    }
  }
  FileStore::start(operation);
}

}  // namespace aoe::target
