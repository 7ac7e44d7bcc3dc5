// The images of removed LUNs that have operations under way, of all workers.
//
// A LUN may come back at once: at another address, with another worker, with other limits. A write
// of the former one that is still on its way to the disk must not undo one of the new, so the new one
// does nothing until the former one's operations are over. Which those are is known by tokens that go
// with them.
//
// Owned by the Daemon. Used by the threads of all workers.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "target/service/image_use.h"

namespace aoe::target {

class FormerLuns {
 public:
  /// A removed LUN's hold on its images. When the last one is dropped, its operations are over.
  using Token = std::shared_ptr<const std::vector<ImageUse>>;
  /// What a new LUN waits for: until they have expired.
  using Tokens = std::vector<std::weak_ptr<const std::vector<ImageUse>>>;

  Token enter(std::vector<ImageUse> images);
  /// The former LUNs that are not over and use what a LUN with these images would write to, or write to
  /// what it would read.
  Tokens that_use(std::span<const ImageUse> images);

 private:
  std::mutex guard_;
  Tokens entered_;
};

}  // namespace aoe::target
