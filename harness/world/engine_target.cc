#include "harness/world/engine_target.h"

#include <algorithm>
#include <array>
#include <utility>

namespace aoe::harness {

EngineTarget::EngineTarget(const TargetRole& role, FramePort& port, std::uint64_t seed, Trace trace,
                           target::Service::Clock clock)
    : role_(role), port_(port), trace_(std::move(trace)), clock_(std::move(clock)) {
  for (std::uint8_t i = 0; i < role.luns; ++i) {
    const Address address{role.address.shelf, static_cast<std::uint8_t>(role.address.slot + i)};
    luns_.emplace_back(address, role, seed + i);
  }
}

void EngineTarget::start() {
  if (is_alive()) return;
  target::StateKeeper* const keeper = this;
  service_ = std::make_unique<target::Service>(trace_ ? clock_ : target::Service::Clock{}, keeper);
  service_->trace(trace_);
  for (Lun& lun : luns_) {
    target::LunOptions options;
    options.address = lun.address;
    options.sectors = role_.sectors;
    options.buffer_count = role_.buffers;
    options.model = FixedText<40>("aoe-target");
    options.serial = FixedText<20>("SIM-" + std::to_string(options.address.shelf) + "-" +
                                   std::to_string(options.address.slot));
    auto store = lun.disk.connect();
    options.disk = store->traits();
    service_->add(options, std::move(store), lun.state);
  }
  service_->announce(port_);
}

void EngineTarget::kill() {
  if (!is_alive()) return;
  service_.reset();
  for (Lun& lun : luns_) lun.disk.lose_cache();
}

void EngineTarget::serve() {
  if (is_alive()) {
    service_->serve(port_);
    while (service_->go_on() != target::Service::Due::none) {
    }
    return;
  }
  std::array<Bytes, batch_size> frames;
  while (port_.receive(frames) > 0) {
  }
}

void EngineTarget::link_changed() {
  if (is_alive() && port_.link().up) service_->announce(port_);
}

void EngineTarget::save(Address address, const target::LunState& state, Done done) {
  std::ranges::find(luns_, address, &Lun::address)->state = state;
  done({});
}

}  // namespace aoe::harness
