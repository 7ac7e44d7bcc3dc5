// Our target as an engine of this process, on real interfaces: the peer of an initiator that is
// tested.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "harness/world/engine_target.h"
#include "harness/world/live_ends.h"
#include "wire/asio_watcher.h"
#include "wire/packet_port.h"

namespace aoe::harness {

class LiveEngineTarget final : public LiveTarget {
 public:
  /// Works on these interfaces of the network namespace that it is made in. `disks`, the network's,
  /// outlive it.
  static tl::expected<std::unique_ptr<LiveEngineTarget>, std::string> open(
      boost::asio::io_context& loop, const Network& network, NodeIndex node,
      std::deque<EngineDisk>& disks, const std::vector<std::string>& interfaces);
  ~LiveEngineTarget() override;

  tl::expected<void, std::string> begin() override;
  Control pause(bool paused) override;
  Control kill() override;
  Control stop() override;
  bool kill_loses_cache() const override { return true; }
  void link_changed(const std::string& interface) override;
  bool can_lose_interface() const override { return false; }
  Control set_disk_faults(std::size_t lun, const std::optional<DiskFaults>& faults) override;
  Control read_store(std::size_t lun, std::uint64_t offset, MutableBytes into) override;

 private:
  using Ports = std::vector<std::unique_ptr<PacketPort>>;

  /// Waits for what a slow disk does.
  void set_timer();

  LiveEngineTarget(boost::asio::io_context& loop, const Network& network, NodeIndex node,
                   std::deque<EngineDisk>& disks, Ports ports);

  AsioWatcher watcher_;
  const Ports ports_;
  EngineTarget target_;
  boost::asio::steady_timer timer_;  // of slow disks
  bool paused_ = true;               // what arrives is not looked at
};

}  // namespace aoe::harness
