// Our target as an engine of this process, on a real interface: the peer of an initiator that is
// tested.
#pragma once

#include <memory>

#include <boost/asio/io_context.hpp>

#include "harness/world/engine_target.h"
#include "harness/world/live_ends.h"
#include "wire/asio_watcher.h"
#include "wire/packet_port.h"

namespace aoe::harness {

class LiveEngineTarget final : public LiveTarget {
 public:
  /// Works on eth0 of the network namespace that it is made in.
  static tl::expected<std::unique_ptr<LiveEngineTarget>, std::string> open(
      boost::asio::io_context& loop, const TargetRole& role, std::uint64_t seed);
  ~LiveEngineTarget() override;

  tl::expected<void, std::string> start() override;
  Control pause(bool paused) override;
  Control kill() override;
  bool kill_loses_cache() const override { return true; }
  void link_changed() override;
  Control set_disk_faults(const std::optional<DiskFaults>& faults) override;
  Control read_store(std::uint64_t offset, MutableBytes into) override;

 private:
  LiveEngineTarget(boost::asio::io_context& loop, const TargetRole& role,
                   std::unique_ptr<PacketPort> port, std::uint64_t seed);

  AsioWatcher watcher_;
  std::unique_ptr<PacketPort> port_;
  EngineTarget target_;
  bool paused_ = true;  // what arrives is not looked at
};

}  // namespace aoe::harness
