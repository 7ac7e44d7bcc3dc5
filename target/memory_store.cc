#include "target/memory_store.h"

#include <algorithm>
#include <ranges>

#include "proto/check.h"
#include "proto/codes.h"
#include "proto/trim.h"

namespace aoe::target {

MemoryStore::MemoryStore(std::size_t size) : bytes_(size) {
  AOE_CHECK(size % sector_size == 0);
}

void MemoryStore::start(StoreOperation& operation) {
  const auto bytes = [&](std::uint64_t offset, std::uint64_t size) {
    AOE_CHECK(offset <= bytes_.size() && size <= bytes_.size() - offset);
    return MutableBytes(bytes_).subspan(offset, size);
  };
  const auto part = [&](std::size_t size) { return bytes(operation.offset, size); };
  switch (operation.kind) {
    case StoreOperation::Kind::read:
      std::ranges::copy(part(operation.into.size()), operation.into.begin());
      break;
    case StoreOperation::Kind::write:
      std::ranges::copy(operation.from, part(operation.from.size()).begin());
      break;
    case StoreOperation::Kind::flush: break;
    case StoreOperation::Kind::trim:
      for (const TrimList list(operation.from);
           std::size_t i : std::views::iota(std::size_t{0}, list.size())) {
        const auto [lba, sectors] = list[i];
        std::ranges::fill(bytes(lba * sector_size, sectors * sector_size), std::uint8_t{0});
      }
      break;
  }
  operation.done({});
}

}  // namespace aoe::target
