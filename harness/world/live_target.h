// The target's end of a live world: a process, our own engine, or whatever answers on a wire.
//
// Owned by its LiveWorld; the functions are those of World (world.h).
#pragma once

#include <optional>
#include <string>

#include "harness/world/world.h"

namespace aoe::harness {

class LiveTarget {
 public:
  LiveTarget() = default;
  LiveTarget(const LiveTarget&) = delete;
  LiveTarget& operator=(const LiveTarget&) = delete;
  virtual ~LiveTarget() = default;

  /// Starts it, the first time or after it was killed; some time may pass until it answers. The
  /// error says why it can't be started.
  virtual tl::expected<void, std::string> start() = 0;
  /// Returns why nothing more can come of it: "was killed by signal 9 (Killed); it said: …". Empty
  /// while it works.
  virtual std::string broken() = 0;
  virtual Control pause(bool paused) = 0;
  virtual Control kill() = 0;
  /// What it has not made stable is lost then; the page cache of a mere process survives it.
  virtual bool kill_loses_cache() const { return false; }
  /// Called when its interface has another address, MTU or carrier.
  virtual void link_changed() {}
  virtual Control set_disk_faults(const std::optional<DiskFaults>& faults) = 0;
  virtual Control read_store(std::uint64_t offset, MutableBytes into) = 0;
};

}  // namespace aoe::harness
