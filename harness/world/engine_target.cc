#include "harness/world/engine_target.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace aoe::harness {

std::deque<EngineDisk> make_disks(const Network& network, std::uint64_t seed,
                                  const MemoryDisk::Clock& clock) {
  std::deque<EngineDisk> disks;
  for (const Disk& disk : network.disks) disks.emplace_back(disk, seed + disks.size(), clock);
  return disks;
}

EngineTarget::EngineTarget(const Network& network, NodeIndex node, std::deque<EngineDisk>& disks,
                           std::vector<FramePort*> ports, Trace trace, target::Service::Clock clock)
    : ports_(std::move(ports)), trace_(std::move(trace)), clock_(std::move(clock)) {
  for (const Lun& lun : network.nodes[node].target.luns) {
    LunOnDisk& added = luns_.emplace_back(LunOnDisk{{}, &disks[lun.disk]});
    target::LunOptions& options = added.options;
    options.address = lun.address;
    options.sectors = network.disks[lun.disk].sectors;
    options.buffer_count = lun.buffers;
    options.model = FixedText<40>("aoe-target");
    // A disk is the same wherever it is served, and another than those that have its address.
    options.serial = FixedText<20>(
        network.is_of_two() ? fmt::format("SIM-{}-{}", lun.address.shelf, lun.address.slot)
                            : fmt::format("SIM-DISK-{}", lun.disk + 1));
  }
}

void EngineTarget::start() {
  if (is_alive()) return;
  target::StateKeeper* const keeper = this;
  service_ = std::make_unique<target::Service>(trace_ ? clock_ : target::Service::Clock{}, keeper);
  service_->trace(trace_);
  for (LunOnDisk& lun : luns_) {
    auto store = lun.disk->memory.connect();
    lun.options.disk = store->traits();
    service_->add(lun.options, std::move(store), lun.disk->state);
  }
  for (FramePort* const port : ports_) service_->announce(*port);
  go_on();
}

void EngineTarget::kill() {
  if (!is_alive()) return;
  for (const LunOnDisk& lun : luns_) lun.disk->memory.complete(never);  // for jobs that end now
  service_.reset();
  for (LunOnDisk& lun : luns_) lun.disk->memory.lose_cache();
}

void EngineTarget::stop() {
  if (!is_alive()) return;
  for (const LunOnDisk& lun : luns_) lun.disk->memory.complete(never);  // for jobs that end now
  service_.reset();
  for (LunOnDisk& lun : luns_) lun.disk->memory.keep_cache();
}

void EngineTarget::go_on() {
  while (service_->go_on() != target::Service::Due::none) {
  }
}

void EngineTarget::serve(FramePort& port) {
  if (is_alive()) {
    service_->serve(port);
    return go_on();
  }
  std::array<Bytes, batch_size> frames;
  while (port.receive(frames) > 0) {
  }
}

Instant EngineTarget::deadline() const {
  Instant first = never;
  for (const LunOnDisk& lun : luns_) first = std::min(first, lun.disk->memory.deadline());
  return first;
}

void EngineTarget::tick(Instant now) {
  for (const LunOnDisk& lun : luns_) lun.disk->memory.complete(now);
  if (!is_alive()) return;
  service_->settle();
  go_on();
}

void EngineTarget::port_gone(FramePort& port) {
  if (is_alive()) service_->forget(port);
}

void EngineTarget::link_changed(FramePort& port) {
  if (!is_alive() || !port.link().up) return;
  service_->announce(port);
  go_on();
}

void EngineTarget::save(Address address, const target::LunState& state, Done done) {
  const auto is_it = [&](const LunOnDisk& lun) { return lun.options.address == address; };
  std::ranges::find_if(luns_, is_it)->disk->state = state;
  done({});
}

}  // namespace aoe::harness
