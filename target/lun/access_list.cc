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

void MacSet::remove(Mac mac) {
  const auto end = macs_.begin() + size_;
  size_ = static_cast<std::size_t>(std::remove(macs_.begin(), end, mac) - macs_.begin());
}

void MacSet::assign(std::span<const Mac> macs) {
  size_ = 0;
  for (const Mac mac : macs) {
    if (!contains(mac)) add(mac);
  }
}

MaskList::Edit MaskList::edit(const DirectiveList& directives, std::size_t entries_max) {
  entries_max = std::min(entries_max, MacSet::capacity);
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
        if (macs_.contains(directive.mac)) break;
        if (macs_.size() >= entries_max) return stop(MaskError::list_full);
        macs_.add(directive.mac);
        changed = true;
        break;
      case DirectiveCommand::remove:
        changed |= macs_.contains(directive.mac);
        macs_.remove(directive.mac);
        break;
    }
  }
  return {MaskError::none, static_cast<std::uint8_t>(directives.size()), changed};
}

void MaskList::set(std::span<const Mac> macs) {
  macs_.assign(macs);
}

bool Reservation::set(std::span<const Mac> macs) {
  const MacSet before = macs_;
  macs_.assign(macs);
  return !std::ranges::equal(before.entries(), macs_.entries());
}

}  // namespace aoe::target
