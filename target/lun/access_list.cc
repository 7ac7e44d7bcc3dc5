#include "target/lun/access_list.h"

#include <algorithm>

#include "base/check.h"

namespace aoe::target {

bool MacSet::contains(Mac mac) const {
  return std::ranges::find(entries(), mac) != entries().end();
}

void MacSet::add(Mac mac) {
  AOE_CHECK(size_ < capacity && !contains(mac));
  macs_[size_++] = mac;
}

bool MacSet::set(std::span<const Mac> macs) {
  const MacSet before = *this;
  size_ = 0;
  for (const Mac mac : macs) {
    if (!contains(mac)) add(mac);
  }
  return !std::ranges::equal(before.entries(), entries());
}

MacSet::Edit MacSet::edit(const DirectiveList& directives, std::size_t entries_max) {
  entries_max = std::min(entries_max, capacity);
  bool changed = false;
  for (std::size_t i = 0; i < directives.size(); ++i) {
    const Directive directive = directives[i];
    const auto stop = [&](MaskError error) {
      return Edit{error, static_cast<std::uint8_t>(i), changed};
    };
    if (directive.command > static_cast<std::uint8_t>(DirectiveCommand::remove)) {
      return stop(MaskError::bad_directive);
    }
    switch (DirectiveCommand{directive.command}) {
      case DirectiveCommand::none: break;
      case DirectiveCommand::add:
        if (contains(directive.mac)) break;
        if (size_ >= entries_max) return stop(MaskError::list_full);
        add(directive.mac);
        changed = true;
        break;
      case DirectiveCommand::remove: {
        const auto end = macs_.begin() + size_;
        const auto left = std::remove(macs_.begin(), end, directive.mac);
        changed |= left != end;
        size_ = static_cast<std::size_t>(left - macs_.begin());
        break;
      }
    }
  }
  return {MaskError::none, static_cast<std::uint8_t>(directives.size()), changed};
}

}  // namespace aoe::target
