#include "target/admin/image_look.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "target/store/open_store.h"

namespace aoe::target {
namespace {

bool begins_at_same_byte(const ImageUse& before, const ImageUse& now) {
  return before.identity == now.identity && before.range.offset == now.range.offset;
}

bool is_same_part(const ImageUse& before, const ImageUse& now) {
  return begins_at_same_byte(before, now) && before.range == now.range;
}

/// Returns what is under an overlay, or the store itself.
StoreDefinition image_alone(StoreDefinition store) {
  store.read_only |= !store.overlay.empty();
  store.overlay.clear();
  return store;
}

}  // namespace

ImageLook look_at_images(const LunDefinition& lun, std::span<const ImageUse> opened) {
  using Found = ImageLook::Found;
  std::vector<ImageUse> now = images_of(lun);
  if (std::ranges::equal(opened, now, is_same_part)) return {Found::same, std::move(now)};
  // An overlay stays as it was opened, and over the base that it was opened over.
  if (auto error = store_error(image_alone(lun.store)))
    return {Found::unusable, {}, *std::move(error)};
  if (now.size() < opened.size()) {
    return {Found::unusable, {}, lun.store.written_path() + ": can't be opened"};
  }
  const auto other = std::ranges::mismatch(opened, now, begins_at_same_byte).in2;
  if (other != now.end()) {
    const std::string_view kind = other->identity.starts_with("device") ? "device" : "file";
    std::string text = fmt::format("{} is another {} now", other->path, kind);
    return {Found::other, std::move(now), std::move(text)};
  }
  return {Found::resized, std::move(now), lun.store.path + " has another size now"};
}

}  // namespace aoe::target
