// Our target as an engine: a Service on any ports, and the disks that outlive it.
//
// Used in the sim world, and in a live one whose initiator is tested. Never waits: its world calls
// serve() when frames wait at a port.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "harness/world/memory_disk.h"
#include "target/service/service.h"

namespace aoe::harness {

/// A disk of a network and what targets keep beside it: config string, mask list and reservation.
/// Of a disk that several targets have, each that serves it finds there what the others left.
struct EngineDisk {
  EngineDisk(const Disk& disk, std::uint64_t seed, MemoryDisk::Clock clock)
      : memory(disk.sectors, disk.fill_pattern, seed, std::move(clock)) {}
  MemoryDisk memory;
  std::optional<target::LunState> state{};
};
/// The disks of a network, by DiskIndex; what a crash loses of each is drawn from numbers of its own.
std::deque<EngineDisk> make_disks(const Network& network, std::uint64_t seed,
                                  const MemoryDisk::Clock& clock);

class EngineTarget final : target::StateKeeper {
 public:
  /// `ports` and `disks`, which are those of the network, outlive it. `clock` gives the lines of
  /// `trace` their time, and is not called while that is off.
  EngineTarget(const Network& network, NodeIndex node, std::deque<EngineDisk>& disks,
               std::vector<FramePort*> ports, Trace trace = {}, target::Service::Clock clock = {});

  /// Starts the target with the state that its disks have; it announces itself.
  void start();
  /// Ends the target, and its disks lose their caches; config strings, mask lists and reservations
  /// stay.
  void kill();
  /// Ends the target when what it has written is stable.
  void stop();
  bool is_alive() const { return service_ != nullptr; }
  /// Handles the frames that wait at the port; a target that has ended drops them.
  void serve(FramePort& port);
  /// When tick() is due: a slow disk has done something then.
  Instant deadline() const;
  void tick(Instant now);
  /// The port's link has changed.
  void link_changed(FramePort& port);
  /// The port has gone; nothing more is sent by it.
  void port_gone(FramePort& port);

  MemoryDisk& disk(std::size_t lun) { return luns_[lun].disk->memory; }

 private:
  struct LunOnDisk {
    target::LunOptions options;
    EngineDisk* disk;
  };

  void save(Address lun, const target::LunState& state, Done done) override;
  void go_on();

  const std::vector<FramePort*> ports_;
  const Trace trace_;
  const target::Service::Clock clock_;
  std::vector<LunOnDisk> luns_;
  std::unique_ptr<target::Service> service_;
};

}  // namespace aoe::harness
