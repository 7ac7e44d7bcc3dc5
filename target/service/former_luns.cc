#include "target/service/former_luns.h"

#include <utility>

namespace aoe::target {

FormerLuns::Token FormerLuns::enter(std::vector<ImageUse> images) {
  auto token = std::make_shared<const std::vector<ImageUse>>(std::move(images));
  const std::lock_guard lock(guard_);
  // Those that are over go whenever there would be no room, so that entering many takes a moment.
  if (entered_.size() == entered_.capacity()) {
    std::erase_if(entered_, [](const auto& former) { return former.expired(); });
  }
  entered_.push_back(token);
  return token;
}

FormerLuns::Tokens FormerLuns::that_use(std::span<const ImageUse> images) {
  Tokens found;
  const std::lock_guard lock(guard_);
  std::erase_if(entered_, [&](const auto& former) {
    const Token token = former.lock();
    if (token && share_data(*token, images)) found.push_back(former);
    return token == nullptr;
  });
  return found;
}

}  // namespace aoe::target
