// Opens the store of a definition: the one place that knows every kind of store.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "target/store/disk_queue.h"
#include "target/store/store.h"
#include "target/store/store_definition.h"

namespace aoe::target {

struct OpenedStore {
  std::unique_ptr<Store> store;
  /// For the log: "mapped", "buffered (io_uring)", "direct (threads)", "memory", "NBD", "NBD, which
  /// cannot flush", "overlay client3.cow over golden.img".
  std::string kind;
  /// Bytes after the last whole sector, which are not served.
  std::uint64_t ignored_tail = 0;
};

/// Opens a store. Blocks, for an NBD server up to a few seconds. The queue outlives the store.
/// Errors are one line that begins with the path: "disk.img: smaller than one sector".
tl::expected<OpenedStore, std::string> open_store(const StoreDefinition& definition,
                                                  DiskQueue& queue);

}  // namespace aoe::target
