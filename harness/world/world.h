// A world: the nodes of a network with a fault stage between them, and the time they live in.
//
// A scenario runs the same in each. `sim` joins the engines in memory and its clock jumps from one
// event to the next; `veth` joins implementations over real interfaces in namespaces of its own, in
// real time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "harness/language/scenario.h"
#include "harness/link/fault_stage.h"
#include "initiator/engine/actions.h"
#include "wire/network_namespace.h"

namespace aoe::harness {

/// Why a world, or an implementation in it, can't do what a scenario asks: "the interface world
/// can't cut the target's link". That is neither a pass nor a failure.
struct Unsupported {
  std::string reason;
};
using Control = tl::expected<void, Unsupported>;

/// A delivery that is held until it is due; of those of one instant, the first comes first.
struct Held {
  Instant due{};
  std::uint64_t order = 0;
  Delivery delivery;
  bool operator>(const Held& other) const {
    return due != other.due ? due > other.due : order > other.order;
  }
};

/// An initiator of a world.
class InitiatorEnd {
 public:
  using Done = std::function<void(const initiator::Completion&)>;

  InitiatorEnd() = default;
  InitiatorEnd(const InitiatorEnd&) = delete;
  InitiatorEnd& operator=(const InitiatorEnd&) = delete;
  virtual ~InitiatorEnd() = default;

  virtual void discover(Address whom) = 0;
  /// `done` is called exactly once, perhaps from within; not once this has gone.
  virtual void submit(const initiator::IoRequest& request, Done done) = 0;
  /// Returns its state for a device: "up", "identifying", "down"; empty where it knows of none.
  virtual std::string_view state(Address device) const = 0;
  /// Returns whether it takes requests for this device.
  bool is_up(Address device) const { return state(device) == "up"; }
  /// Opens the device without any I/O, as a user of it would; returns false if it can't be opened.
  /// close() ends that.
  virtual bool open(Address device) = 0;
  virtual void close(Address device) = 0;
  /// Returns why a request of it failed, in words; called soon after that.
  virtual std::string why(const initiator::Completion& completion) const {
    return initiator::describe(completion);
  }
};

/// A target of a world, and its disks. Each deed is done at once or returns why it can't be done at
/// all; where it should have succeeded and did not, the world is broken. Disks are named by the
/// number of their LUN.
class TargetEnd {
 public:
  TargetEnd() = default;
  TargetEnd(const TargetEnd&) = delete;
  TargetEnd& operator=(const TargetEnd&) = delete;
  virtual ~TargetEnd() = default;

  /// Stops it or lets it go on; what reaches it meanwhile waits, as far as there is room.
  virtual Control pause(bool paused) = 0;
  virtual Control kill() = 0;
  /// Ends it in good order: what it has acknowledged is stable.
  virtual Control stop() = 0;
  /// Starts it, where it does not run, with the disks that it left.
  virtual Control start() = 0;
  /// Returns whether what is not stable is lost then, as where a machine fails; the page cache of a
  /// process survives.
  virtual bool kill_loses_cache() const { return false; }
  /// Makes a disk fail these operations from now on; nothing: it is whole again.
  virtual Control set_disk_faults(std::size_t lun, const std::optional<DiskFaults>& faults) = 0;
  /// Reads what a disk holds, past the target.
  virtual Control read_store(std::size_t lun, std::uint64_t offset, MutableBytes into) = 0;
};

class World {
 public:
  World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  virtual ~World() = default;

  virtual Instant now() const = 0;
  /// Returns whether its time is virtual, and its work a matter of the processor alone.
  virtual bool is_virtual() const { return false; }
  /// Returns how late this machine may have noticed what happened: no end is to blame for that.
  virtual Duration slack() const = 0;
  /// Returns why nothing more can come of this world: "aoe-target was killed by signal 9 (Killed)".
  /// Empty while it lasts.
  virtual std::string broken() const = 0;
  /// Returns why nobody can tell what this world would have done: "the far half ended with status
  /// 255; it said: …". Empty while it works. The run ends with it, and says nothing of the ends.
  virtual std::string lost() const { return {}; }
  /// Returns what the ends wanted to do and this world may not let them: "it would send a write to
  /// eth1". Empty while there is nothing of the kind. The run ends with it.
  virtual std::string unsupported() const { return {}; }
  /// Returns the number of frames that were lost on the way and that no fault struck.
  virtual std::uint64_t frames_lost() const = 0;
  /// Returns the number of replies that were left out because no request from here had their tags:
  /// they answer other programs, on a wire that is shared with such.
  virtual std::uint64_t strangers_replies() const { return 0; }
  /// Lets time pass until `done()` holds or `deadline`, whose own events still count. Asks `done`
  /// after each event. Returns whether it holds.
  virtual bool run_until(const std::function<bool()>& done, Instant deadline) = 0;

  /// The node, which is an initiator; or a target.
  virtual InitiatorEnd& initiator(NodeIndex node) = 0;
  virtual TargetEnd& target(NodeIndex node) = 0;
  /// Makes a target say this of itself, too, from now on; with `announce` it sends that unasked.
  virtual void says(NodeIndex target, const Says& says, bool announce) = 0;

  /// Returns whether targets' disks begin as the scenario says; else their content is unknown.
  virtual bool has_own_disk() const { return true; }
  /// Returns whether initiators time out as RtoModel computes; else it is unknown when they have to
  /// repeat a request.
  virtual bool has_known_timeouts() const { return true; }

  /// Returns a port's interface; its address is broadcast where it is not known yet.
  virtual Link link(PortIndex port) const = 0;
  /// Changes it: its address, MTU or carrier.
  virtual Control set_link(PortIndex port, const Link& link) = 0;
  /// Takes a port's interface away, or brings it back, on this segment where one is given.
  virtual Control set_present(PortIndex port, bool present, std::optional<SegmentIndex> on) = 0;
  /// Gives a port's interface another name; nothing: the one that it had at first. No frame shows it,
  /// so that a world whose interfaces have no names has nothing to do.
  virtual Control rename(PortIndex /*port*/, const std::optional<std::string>& /*name*/) {
    return {};
  }
  /// Returns where a node's interfaces are, eth0 and so on, for programs that play beside it; null
  /// where it has none.
  virtual const NetworkNamespace* place_of(NodeIndex /*node*/) const { return nullptr; }
  /// Takes a frame to the network as though that port's node had sent it.
  virtual void inject(PortIndex from, Bytes frame) = 0;
  virtual FaultStage& stage() = 0;
  /// Tells the initiator's user what to do now. Of use where that is a person.
  virtual void ask_user(const std::string&) {}
};

}  // namespace aoe::harness
