#include "target/access_list.h"

#include <algorithm>

#include "proto/check.h"

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

MaskList::Edit MaskList::edit(const DirectiveList& directives, std::size_t entries_max) {
  entries_max = std::min(entries_max, MacSet::capacity);
  for (std::size_t i = 0; i < directives.size(); ++i) {
    const Directive directive = directives[i];
    const auto stop = [i](MaskError error) { return Edit{error, static_cast<std::uint8_t>(i)}; };
    if (directive.command > static_cast<std::uint8_t>(DirectiveCommand::remove)) {
      return stop(MaskError::bad_directive);
    }
    switch (DirectiveCommand{directive.command}) {
      case DirectiveCommand::none: break;
      case DirectiveCommand::add:
        if (macs_.contains(directive.mac)) break;
        if (macs_.size() >= entries_max) return stop(MaskError::list_full);
        macs_.add(directive.mac);
        break;
      case DirectiveCommand::remove: macs_.remove(directive.mac); break;
    }
  }
  return {MaskError::none, static_cast<std::uint8_t>(directives.size())};
}

void Reservation::set(const MacList& macs) {
  macs_.clear();
  for (std::size_t i = 0; i < macs.size(); ++i) {
    if (!macs_.contains(macs[i])) macs_.add(macs[i]);
  }
}

}  // namespace aoe::target
