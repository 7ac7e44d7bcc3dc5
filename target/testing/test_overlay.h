// Overlays over image files, for tests.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "target/store/mapped_store.h"
#include "target/store/overlay_store.h"

namespace aoe::target {

inline tl::expected<std::unique_ptr<OverlayStore>, std::string> open_overlay_over(
    File base, ByteRange range, File delta, DiskQueue& queue, Handover& handover,
    const std::string& boot_id = target::boot_id()) {
  auto mapped = MappedStore::open(std::move(base), range, queue, handover);
  if (!mapped) return tl::unexpected(mapped.error());
  const OverlayBase about((*mapped)->file());
  return OverlayStore::open(*std::move(mapped), about, range, std::move(delta), queue, handover,
                            boot_id);
}

}  // namespace aoe::target
