// Our target as an engine: a Service on any port, with the disk and the state that outlive it.
//
// Used in the sim world, and in a live one whose initiator is tested. Never waits: its world calls
// serve() when frames wait at the port.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "harness/world/memory_disk.h"
#include "target/service/service.h"

namespace aoe::harness {

class EngineTarget final : target::StateKeeper {
 public:
  /// `port` outlives it. `clock` gives the lines of `trace` their time, and is not called while that
  /// is off.
  EngineTarget(const TargetRole& role, FramePort& port, std::uint64_t seed, Trace trace = {},
               target::Service::Clock clock = {});

  /// Starts the target with the state that it has kept; it announces itself.
  void start();
  /// Ends the target and loses its disk's cache; config string, mask list and reservation stay.
  void kill();
  bool is_alive() const { return service_ != nullptr; }
  /// Handles the frames that wait at the port; a killed target drops them.
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
  const Trace trace_;
  const target::Service::Clock clock_;
  std::deque<Lun> luns_;
  std::unique_ptr<target::Service> service_;
};

}  // namespace aoe::harness
