// Our target as an engine: a Service on any port, with the disk and the state that outlive it.
//
// For the sim world, and for a live one whose initiator is what is tested. Does no waiting: its
// world calls serve() when frames wait at the port.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "harness/world/memory_disk.h"
#include "target/service/service.h"

namespace aoe::harness {

class EngineTarget final : target::StateKeeper {
 public:
  /// `port` outlives it.
  EngineTarget(const TargetRole& role, FramePort& port, std::uint64_t seed);

  /// It comes up, with what it has kept, and says so.
  void start();
  /// It is gone, and its disk's cache with it; config string, mask list and reservation stay.
  void kill();
  bool is_alive() const { return service_ != nullptr; }
  /// Frames wait at the port. A target that is not there lets them pass.
  void serve();
  /// The port's link has changed.
  void link_changed();

  /// Of the first LUN, which is what faults and checks are about.
  MemoryDisk& disk() { return luns_.front().disk; }

 private:
  /// What outlives the service.
  struct Lun {
    Lun(Address at, const TargetRole& role, std::uint64_t seed)
        : address(at), disk(role.sectors, role.fill_pattern, seed) {}
    Address address;
    MemoryDisk disk;
    std::optional<target::LunState> state{};
  };

  void save(Address lun, const target::LunState& state, Done done) override;

  const TargetRole role_;
  FramePort& port_;
  std::deque<Lun> luns_;
  std::unique_ptr<target::Service> service_;
};

}  // namespace aoe::harness
