#include "target/store/mapped_store.h"

#include <algorithm>

namespace aoe::target {

tl::expected<std::unique_ptr<MappedStore>, std::string> MappedStore::open(File file,
                                                                          ByteRange range,
                                                                          DiskQueue& queue) {
  auto mapping = Mapping::open(file, range, file.is_writable());
  if (!mapping) return tl::unexpected(mapping.error());
  return std::unique_ptr<MappedStore>(
      new MappedStore(std::move(file), range, *std::move(mapping), queue));
}

/// The places of a batch are far apart in memory: the processor fetches them at the same time.
void MappedStore::fetch_ahead(std::uint64_t offset, std::size_t size, Operation::Kind kind) {
  constexpr std::size_t cache_line = 64;
  constexpr std::size_t fetched_size_max = 2048;
  const Bytes place = mapping_.view(offset, std::min(size, fetched_size_max));
  const bool is_read = kind == Operation::Kind::read;
  for (std::size_t at = 0; at < place.size(); at += cache_line) {
    if (is_read) {
      __builtin_prefetch(&place[at], 0);
    } else {
      __builtin_prefetch(&place[at], 1);
    }
  }
  if (!is_read) return;
  if (const auto range = read_ahead_.read(offset, size)) {
    mapping_.expect(range->offset, range->length);
  }
}

void MappedStore::start(Operation& operation) {
  if (operation.kind == Operation::Kind::read) {
    operation.done(mapping_.read(operation.offset, operation.into));
  } else if (operation.kind == Operation::Kind::write) {
    operation.done(mapping_.write(operation.offset, operation.from));
  } else {
    FileStore::start(operation);
  }
}

}  // namespace aoe::target
