#include "target/memory_store.h"

#include <algorithm>

#include "proto/check.h"
#include "proto/codes.h"

namespace aoe::target {

MemoryStore::MemoryStore(std::size_t size) : bytes_(size) {
  AOE_CHECK(size % sector_size == 0);
}

void MemoryStore::start(StoreOperation& operation) {
  const auto part = [&](std::size_t size) {
    AOE_CHECK(operation.offset <= bytes_.size() && size <= bytes_.size() - operation.offset);
    return MutableBytes(bytes_).subspan(operation.offset, size);
  };
  switch (operation.kind) {
    case StoreOperation::Kind::read:
      std::ranges::copy(part(operation.into.size()), operation.into.begin());
      break;
    case StoreOperation::Kind::write:
      std::ranges::copy(operation.from, part(operation.from.size()).begin());
      break;
    case StoreOperation::Kind::flush: break;
  }
  operation.done({});
}

}  // namespace aoe::target
