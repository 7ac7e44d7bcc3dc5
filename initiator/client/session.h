// An engine joined to frame ports, with a callback for each request, query and wait for a device.
//
// Carries frames from ports to the engine and back, and calls what its user gave along: a request's
// `done` when it completes, the listener for each event. Does no I/O of its own and is given the
// time, so it serves a program on real interfaces (live_session.h) and the simulator alike. Owns
// the engine, not the ports. One thread.
//
// Callbacks come from within the session's functions, after the frames of that step went out, and
// never from within each other: what a callback begins is reported when it has returned. The
// session must not end within one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <variant>
#include <vector>

#include "initiator/engine/engine.h"
#include "initiator/engine/pool.h"
#include "wire/frame_port.h"

namespace aoe::initiator {

class Session {
 public:
  using Done = std::function<void(const Completion&)>;
  using QueryDone = std::function<void(const QueryResult&)>;
  using Listener = std::function<void(const Event&)>;

  /// How often a device that is waited for is discovered.
  static constexpr Duration wait_interval = std::chrono::milliseconds(250);

  /// Each decision of the engine is written to `trace`.
  Session(const Parameters& parameters, std::uint64_t seed, Trace trace = {});
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Called for each event from now on; with none, nothing is. May replace itself.
  void listen(Listener listener);

  /// `port` stays until it is detached, or outlives the session.
  PortId attach(FramePort& port, Instant now);
  /// The port goes: what was on its way by it is sent again by others. Another may get its id.
  void detach(PortId port, Instant now);
  /// The port's link() has changed.
  void link_changed(PortId port, Instant now);

  /// Calls a function of the engine that takes `arguments`, the time and Actions, and carries the
  /// actions out: call(now, &Engine::discover, Address::everyone()).
  template <class Result, class... Taken, class... Arguments>
  Result call(Instant now, Result (Engine::*function)(Taken...), const Arguments&... arguments) {
    if constexpr (std::is_void_v<Result>) {
      (engine_.*function)(arguments..., now, actions_);
      carry_out();
    } else {
      const Result result = (engine_.*function)(arguments..., now, actions_);
      carry_out();
      return result;
    }
  }
  /// As Engine::open().
  bool open(Address device) { return engine_.open(device); }

  /// Begins a request. `done` is called once, perhaps before this returns. Returns the id for
  /// cancel(); that of `request` is not used.
  std::uint64_t submit(IoRequest request, Done done, Instant now);
  /// Begins a query, as submit() does a request.
  std::uint64_t ask(QueryRequest request, QueryDone done, Instant now);
  /// Waits until the device is up, and discovers it again and again for `limit`. Errors:
  /// no_such_device after `limit`, invalid for an address that is not exact.
  std::uint64_t await(Address device, Duration limit, Done done, Instant now);
  /// Completes a request, query or wait as cancelled, unless it has completed.
  void cancel(std::uint64_t id, Instant now);
  /// Completes all of them as cancelled, and leaves them to the engine: before the session ends.
  void cancel_all();

  /// Handles all frames that wait at the port.
  void receive(PortId port, Instant now);
  /// Handles some of them. Returns whether there were any.
  bool receive_batch(PortId port, Instant now);

  /// When tick() is due, at the earliest.
  Instant deadline() const;
  void tick(Instant now);

  /// Whether a callback is running.
  bool is_reporting() const { return carrying_out_; }

  /// Whether something is outstanding that an answer may complete.
  bool awaits_answers() const { return outstanding_ > waits_.size(); }
  const Engine& engine() const { return engine_; }

 private:
  using Callback = std::variant<Done, QueryDone>;
  /// A request, query or wait that has not been reported as completed.
  struct Operation {
    Address device{};
    Callback done;
    Instant repeat{};  // wait: when the device is discovered again
    Instant end{};     // wait: when it fails
  };

  std::uint64_t add(Address device, Callback done);
  /// Takes an operation out that is there; returns what to call.
  Callback take(std::uint64_t id);
  bool is_up(Address device) const;
  void report(const Event& event);
  void tick_waits(Instant now);
  /// Sends what the engine wants sent, then reports; again, for as long as reports lead to more.
  void carry_out();
  void send_frames();

  Engine engine_;
  std::shared_ptr<const Listener> listener_;  // shared: it may be replaced while it is called
  Pool<Operation> operations_;
  std::size_t outstanding_ = 0;       // of them
  std::vector<std::uint64_t> waits_;  // the ids of the operations that wait for a device
  std::vector<FramePort*> ports_;     // by PortId; null while no port has it
  Actions actions_;
  Actions reporting_;
  bool carrying_out_ = false;
  std::vector<Outgoing> batch_;
};

}  // namespace aoe::initiator
