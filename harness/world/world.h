// A world: an initiator and a target with a fault stage between them, and the time they live in.
//
// A scenario runs the same in each. `sim` joins the engines in memory and its clock jumps from one
// event to the next; `veth` joins implementations over real interfaces in namespaces of its own, in
// real time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "harness/language/scenario.h"
#include "harness/link/fault_stage.h"
#include "initiator/engine/actions.h"

namespace aoe::harness {

class Process;

/// A world, or an implementation in it, can't do what a scenario asks: "the interface world can't
/// cut the target's link". That is no pass and no failure.
struct Unsupported {
  std::string reason;
};
using Control = tl::expected<void, Unsupported>;

class World {
 public:
  using Done = std::function<void(const initiator::Completion&)>;

  World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  virtual ~World() = default;

  virtual Instant now() const = 0;
  /// How far off the times of this world may be for reasons that are nobody's fault.
  virtual Duration slack() const = 0;
  /// Why nothing more can come of this world: "aoe-target was killed by signal 9 (Killed)". Empty
  /// while it lasts.
  virtual std::string broken() const = 0;
  /// What was asked of this world, and was not done because it can't be or may not be. Empty while
  /// there is nothing of the kind.
  virtual std::string unsupported() const { return {}; }
  /// Frames that were lost on the way and that no fault struck.
  virtual std::uint64_t frames_lost() const = 0;
  /// Lets time pass until `done()` holds, but not beyond `deadline`; what happens at that very
  /// instant still counts. Asks `done` after everything that happens. Returns whether it holds.
  virtual bool run_until(const std::function<bool()>& done, Instant deadline) = 0;

  virtual void discover(Address whom) = 0;
  /// `done` is called exactly once, perhaps from within.
  virtual void submit(const initiator::IoRequest& request, Done done) = 0;
  /// Would the initiator take a request for this device?
  virtual bool is_up(Address device) const = 0;
  /// Somebody uses the device from now on, though nothing be asked of it; returns whether that can
  /// be. And no more.
  virtual bool open(Address device) = 0;
  virtual void close(Address device) = 0;
  /// What the initiator says of it: "up", "identifying", "down"; nothing where it knows of none.
  virtual std::string state(Address device) const = 0;

  /// Does the target's disk begin as the scenario says? Else it holds what it holds.
  virtual bool has_own_disk() const { return true; }
  /// Does the initiator time out as RtoModel reckons? Where it may not, nobody knows when it is to
  /// repeat a request.
  virtual bool has_known_timeouts() const { return true; }

  /// The address of an end's interface; broadcast where nobody knows it yet.
  virtual Mac mac(End) const { return Mac::broadcast(); }
  /// The initiator's interface, for programs that play beside it; empty where it has none.
  virtual std::string interface() const { return {}; }
  /// Starts a program where that interface is; what it prints goes to the file `log`.
  virtual tl::expected<std::unique_ptr<Process>, std::string> start_beside(
      const std::vector<std::string>& command, const std::string& log);
  /// The frame enters the link as though that end had sent it.
  virtual void inject(Direction direction, Bytes frame) = 0;

  // What happens to an end. Done at once, unless it can't be done at all; where it should have
  // succeeded and did not, the world is broken.

  /// Its interface takes a new address.
  virtual Control set_mac(End end, const Mac& mac) = 0;
  /// Its interface loses its carrier, or gets it back.
  virtual Control set_link(End end, bool up) = 0;
  virtual Control set_mtu(End end, std::uint16_t mtu) = 0;
  /// The target stands still; what reaches it meanwhile waits, as far as there is room.
  virtual Control pause_target(bool paused) = 0;
  /// The target is gone, with all that it had not made stable.
  virtual Control kill_target() = 0;
  /// What it has not made stable may be lost then: a machine that fails. The page cache of a mere
  /// process survives it.
  virtual bool kill_loses_cache() const { return false; }
  /// It comes back, to the disk that it left.
  virtual Control start_target() = 0;
  /// From here on its disk fails these operations; nothing: it is whole again.
  virtual Control set_disk_faults(const std::optional<DiskFaults>& faults) = 0;
  /// The target says this of itself, too, from now on; and shows up, unasked, if it is to
  /// announce it.
  virtual Control says(const Says& says, bool announce) = 0;
  /// What the target's disk holds, read past the target.
  virtual Control read_store(std::uint64_t offset, MutableBytes into) = 0;

  virtual FaultStage& stage() = 0;
};

}  // namespace aoe::harness
