// The local ports by their PortId: the link of each.
//
// The ids of removed ports are given out again, so an interface that comes and goes does not use
// them up. Owned by the engine; devices read it.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "base/check.h"
#include "initiator/engine/actions.h"
#include "wire/frame_port.h"

namespace aoe::initiator {

class PortTable {
 public:
  PortId add(const Link& link) {
    const auto gone = std::ranges::find(ports_, false, &Port::present);
    const auto port = gone == ports_.end() ? ports_.insert(gone, Port{}) : gone;
    AOE_CHECK(ports_.size() <= std::numeric_limits<PortId>::max());
    *port = {.link = link};
    return static_cast<PortId>(port - ports_.begin());
  }
  void change(PortId port, const Link& link) { ports_[port].link = link; }
  /// Removes a port. Another one may get its id.
  void remove(PortId port) {
    AOE_CHECK(contains(port));
    ports_[port] = {.link = {.up = false}, .present = false};
  }

  /// One past the highest id there ever was. A removed port is not up.
  std::size_t size() const { return ports_.size(); }
  const Link& operator[](PortId port) const { return ports_[port].link; }
  bool contains(PortId port) const { return port < ports_.size() && ports_[port].present; }

  /// Returns the whole sectors that one frame on this port carries; 0 for a port that is not up.
  std::size_t sectors(PortId port) const {
    const Link& link = ports_[port].link;
    return link.up ? sectors_per_frame(link.mtu) : 0;
  }
  bool is_usable(PortId port) const { return sectors(port) > 0; }

 private:
  struct Port {
    Link link;
    bool present = true;
  };
  std::vector<Port> ports_;
};

}  // namespace aoe::initiator
