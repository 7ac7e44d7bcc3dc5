#include "harness/world/live_engine_target.h"

#include <algorithm>

#include "wire/interfaces.h"

namespace aoe::harness {

tl::expected<std::unique_ptr<LiveEngineTarget>, std::string> LiveEngineTarget::open(
    boost::asio::io_context& loop, const TargetRole& role, std::uint64_t seed) {
  auto port = PacketPort::open("eth0");
  if (!port) return tl::unexpected(port.error());
  return std::unique_ptr<LiveEngineTarget>(
      new LiveEngineTarget(loop, role, *std::move(port), seed));
}

LiveEngineTarget::LiveEngineTarget(boost::asio::io_context& loop, const TargetRole& role,
                                   std::unique_ptr<PacketPort> port, std::uint64_t seed)
    : watcher_(loop), port_(std::move(port)), target_(role, *port_, seed) {
  (void)pause(false);
}

LiveEngineTarget::~LiveEngineTarget() {
  (void)pause(true);
}

tl::expected<void, std::string> LiveEngineTarget::start() {
  target_.start();
  return {};
}

Control LiveEngineTarget::pause(bool paused) {
  if (paused == paused_) return {};
  paused_ = paused;
  if (paused_) {
    watcher_.unwatch(port_->descriptor());
  } else {
    watcher_.watch(port_->descriptor(), [this] { target_.serve(); });
  }
  return {};
}

Control LiveEngineTarget::kill() {
  target_.kill();
  return pause(false);
}

void LiveEngineTarget::link_changed() {
  const auto interfaces = choose_interfaces({port_->interface().name});
  if (!interfaces) return;
  port_->update(interfaces->front());
  target_.link_changed();
}

Control LiveEngineTarget::set_disk_faults(const std::optional<DiskFaults>& faults) {
  target_.disk().set_faults(faults);
  return {};
}

Control LiveEngineTarget::read_store(std::uint64_t offset, MutableBytes into) {
  copy(target_.disk().bytes().subspan(offset, into.size()), into);
  return {};
}

}  // namespace aoe::harness
