// What clients set in one LUN, on its way to stable storage: replies that say that something was
// set (config string §3.2, mask list §3.3, reservation §3.4) are held until it is stable.
//
// One save is under way at a time; what changes meanwhile is saved after it. What could not be made
// stable is undone, and its replies become refusals. Owned by a ServedLun; called by Service on the
// worker's thread, and by the keeper when a save is over, which may be after the LUN is gone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <system_error>
#include <vector>

#include "target/lun/lun.h"
#include "target/service/counters.h"
#include "target/service/request_log.h"
#include "target/service/timed_trace.h"
#include "wire/frame_port.h"

namespace aoe::target {

/// Makes what clients set stable.
class StateKeeper {
 public:
  /// Called once for each save, perhaps from within save().
  using Done = std::function<void(std::error_code)>;
  /// Saves the state of a LUN. On success it survives a crash of the machine.
  virtual void save(Address lun, const LunState& state, Done done) = 0;

 protected:
  ~StateKeeper() = default;
};

class HeldState : public std::enable_shared_from_this<HeldState> {
 public:
  /// Replies that are held, whatever the Buffer Count: they are no part of RequestMemory.
  static constexpr std::size_t held_max = 256;

  /// The present state of the LUN is stable. All four outlive this object.
  /// `log`: of the LUN, which gets its replies; null for none.
  HeldState(Lun& lun, LunCounters& counters, StateKeeper& keeper, const TimedTrace& trace,
            const std::unique_ptr<RequestLog>* log = nullptr);

  /// Returns whether the LUN's state is not stable yet.
  bool is_unstable() const { return saved_revision_ != lun_.revision(); }

  /// Holds a reply until the LUN's present state is stable, then sends it on `port`. Drops and
  /// counts it where as many are held as the LUN has operations in flight at most, or `held_max`.
  void hold(FramePort& port, Bytes reply);
  /// Calls `done` when the LUN's present state is stable, or could not be made so.
  void call_when_stable(StateKeeper::Done done);

  /// `port` is about to go: replies held for it are dropped and counted when they are due.
  void forget(const FramePort& port);
  /// Ends all waiting: refuses what is held.
  void refuse_all(std::error_code error) { release(error); }

 private:
  /// A reply to send, or a caller to call.
  struct Waiting {
    std::uint64_t revision;
    FramePort* port = nullptr;  // null once it was forgotten, and for a caller
    std::vector<std::uint8_t> reply;
    StateKeeper::Done done;
  };

  void save();
  void saved(std::uint64_t revision, std::error_code error);
  void release(std::error_code error);
  void send(const Waiting& waiting, std::error_code error);

  Lun& lun_;
  LunCounters& counters_;
  StateKeeper& keeper_;
  const TimedTrace& trace_;
  const std::unique_ptr<RequestLog>* const log_;
  LunState stable_;  // the state that is stable
  LunState saving_;  // the state that is being saved
  std::uint64_t saved_revision_ = 0;
  bool is_saving_ = false;
  std::vector<Waiting> waiting_;
};

}  // namespace aoe::target
