#include "harness/world/live_engine_target.h"

#include <algorithm>

#include "initiator/client/live_session.h"
#include "wire/interfaces.h"

namespace aoe::harness {
namespace {

std::vector<FramePort*> frame_ports(const std::vector<std::unique_ptr<PacketPort>>& ports) {
  std::vector<FramePort*> all;
  for (const auto& port : ports) all.push_back(port.get());
  return all;
}

}  // namespace

tl::expected<std::unique_ptr<LiveEngineTarget>, std::string> LiveEngineTarget::open(
    boost::asio::io_context& loop, const Network& network, NodeIndex node,
    std::deque<EngineDisk>& disks, const std::vector<std::string>& interfaces) {
  Ports ports;
  for (const std::string& interface : interfaces) {
    auto port = PacketPort::open(interface);
    if (!port) return tl::unexpected(port.error());
    ports.push_back(*std::move(port));
  }
  return std::unique_ptr<LiveEngineTarget>(
      new LiveEngineTarget(loop, network, node, disks, std::move(ports)));
}

LiveEngineTarget::LiveEngineTarget(boost::asio::io_context& loop, const Network& network,
                                   NodeIndex node, std::deque<EngineDisk>& disks, Ports ports)
    : watcher_(loop),
      ports_(std::move(ports)),
      target_(network, node, disks, frame_ports(ports_)),
      timer_(loop) {
  (void)LiveEngineTarget::pause(false);
}

LiveEngineTarget::~LiveEngineTarget() {
  (void)LiveEngineTarget::pause(true);
}

tl::expected<void, std::string> LiveEngineTarget::begin() {
  target_.start();
  return {};
}

Control LiveEngineTarget::pause(bool paused) {
  if (paused == paused_) return {};
  paused_ = paused;
  for (const auto& port : ports_) {
    if (paused_) {
      watcher_.unwatch(port->descriptor());
    } else {
      watcher_.watch(port->descriptor(), [this, &port] {
        target_.serve(*port);
        set_timer();
      });
    }
  }
  return {};
}

void LiveEngineTarget::set_timer() {
  const Instant due = target_.deadline();
  if (due == never) return;
  timer_.expires_at(std::chrono::steady_clock::time_point(due.time_since_epoch()));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    target_.tick(initiator::monotonic_now());
    set_timer();
  });
}

Control LiveEngineTarget::kill() {
  target_.kill();
  return pause(false);
}

Control LiveEngineTarget::stop() {
  target_.stop();
  return {};
}

void LiveEngineTarget::link_changed(const std::string& interface) {
  const auto found = choose_interfaces({interface});
  if (!found) return;
  for (const auto& port : ports_) {
    if (port->interface().index != found->front().index) continue;  // its name may be another now
    port->update(found->front());
    target_.link_changed(*port);
  }
}

Control LiveEngineTarget::set_disk_faults(std::size_t lun,
                                          const std::optional<DiskFaults>& faults) {
  target_.disk(lun).set_faults(faults);
  return {};
}

Control LiveEngineTarget::read_store(std::size_t lun, std::uint64_t offset, MutableBytes into) {
  copy(target_.disk(lun).bytes().subspan(offset, into.size()), into);
  return {};
}

}  // namespace aoe::harness
