#include "harness/world/engine_target.h"

#include <array>

namespace aoe::harness {

EngineTarget::EngineTarget(const TargetRole& role, FramePort& port, std::uint64_t seed)
    : role_(role), port_(port), disk_(role.sectors, role.fill_pattern, seed) {}

void EngineTarget::start() {
  if (is_alive()) return;
  target::StateKeeper* const keeper = this;
  service_ = std::make_unique<target::Service>(target::Service::Clock{}, keeper);
  target::LunOptions lun;
  lun.address = role_.address;
  lun.sectors = role_.sectors;
  lun.buffer_count = role_.buffers;
  lun.model = FixedText<40>("aoe-target");
  auto store = disk_.connect();
  lun.disk = store->traits();
  service_->add(lun, std::move(store), state_);
  service_->announce(port_);
}

void EngineTarget::kill() {
  if (!is_alive()) return;
  service_.reset();
  disk_.lose_cache();
}

void EngineTarget::serve() {
  if (is_alive()) {
    service_->serve(port_);
    return;
  }
  std::array<Bytes, batch_size> frames;
  while (port_.receive(frames) > 0) {
  }
}

void EngineTarget::link_changed() {
  if (is_alive() && port_.link().up) service_->announce(port_);
}

void EngineTarget::save(Address, const target::LunState& state, Done done) {
  state_ = state;
  done({});
}

}  // namespace aoe::harness
