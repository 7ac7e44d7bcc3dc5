// An engine joined to frame ports: carries frames from ports to engine and back, and reports to an
// observer what the engine completes and notices.
//
// Knows ports by their interface only and is told the time, so it serves a program on real
// interfaces and a simulation alike. Owns the engine, not the ports. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "initiator/engine/engine.h"
#include "wire/frame_port.h"

namespace aoe::initiator {

class Session {
 public:
  /// Called from within the session's functions, after the frames of that step went out. May
  /// submit.
  class Observer {
   public:
    virtual void completed(const Completion& completion) = 0;
    virtual void answered(const QueryResult&) {}
    virtual void happened(const Event& event) = 0;

   protected:
    ~Observer() = default;
  };

  /// Each decision of the engine is written to `trace`.
  Session(const Parameters& parameters, std::uint64_t seed, Observer& observer, Trace trace = {});

  /// `port` stays until it is detached, or outlives the session.
  PortId attach(FramePort& port, Instant now);
  /// The port goes: what was on its way by it is sent again by others. Another may get its id.
  void detach(PortId port, Instant now);
  /// The port's link() has changed.
  void link_changed(PortId port, Instant now);

  // As the engine has them.
  std::uint32_t discover(Address whom, Instant now);
  void set_parameters(const Parameters& parameters, Instant now);
  bool open(Address device) { return engine_.open(device); }
  void close(Address device, Instant now) { engine_.close(device, now); }
  bool revalidate(Address device, Instant now);
  bool forget(Address device, Instant now);
  std::size_t forget_down(Instant now);
  std::size_t forget_unopened(Instant now);
  void submit(const IoRequest& request, Instant now);
  /// Told of as completed before this returns, unless it is called from within a report.
  bool cancel(Address device, std::uint64_t id, Instant now);
  void ask(const QueryRequest& request, Instant now);
  void cancel_query(std::uint64_t id);

  /// Handles all frames that wait at the port.
  void receive(PortId port, Instant now);
  /// Handles some of them. Returns whether there were any.
  bool receive_batch(PortId port, Instant now);

  /// When tick() is due, at the earliest.
  Instant deadline() const { return engine_.deadline(); }
  void tick(Instant now);

  /// The observer is being told.
  bool is_reporting() const { return carrying_out_; }

  const Engine& engine() const { return engine_; }

 private:
  /// Sends what the engine wants sent, then reports; again, for as long as reports lead to more.
  void carry_out();
  void send_frames();

  Engine engine_;
  Observer& observer_;
  std::vector<FramePort*> ports_;  // by PortId; null while no port has it
  Actions actions_;
  Actions reporting_;
  bool carrying_out_ = false;
  std::vector<Outgoing> batch_;
};

}  // namespace aoe::initiator
