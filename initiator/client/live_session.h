// A session on this machine's interfaces: packet ports and the monotonic clock, in an Asio loop
// that belongs to the caller and may serve others too.
//
// The client library (client.h) and the harness are built on it. Owns the session and the ports.
// One thread. Callbacks come from within the loop and from within the functions called. It must not
// end while is_reporting().
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <tl/expected.hpp>

#include "initiator/client/error.h"
#include "initiator/client/linger.h"
#include "initiator/client/session.h"
#include "initiator/client/status.h"
#include "wire/asio_watcher.h"
#include "wire/live_ports.h"

namespace aoe::initiator {

/// Now, on the line that the engines' instants are on.
Instant monotonic_now();

class LiveSession final : LivePorts::User {
 public:
  using TroubleListener = std::function<void(const std::string&)>;

  /// Opens a port on each of `interfaces` (see matches() in wire/interfaces.h); with no names, on
  /// every Ethernet interface, as soon as it is up. Each decision is written to `trace`. The error
  /// names the interface: "eth9: no such interface". With Missing::wait an interface that is not there
  /// is no error: it is used when it comes.
  using Missing = LivePorts::Missing;
  static tl::expected<std::unique_ptr<LiveSession>, OpenError> open(
      boost::asio::io_context& loop, const Parameters& parameters,
      const std::vector<std::string>& interfaces, Trace trace = {},
      Missing missing = Missing::refuse);
  /// What has not completed completes as cancelled.
  ~LiveSession();

  /// Called for each event from now on; with none, nothing is.
  void listen(Session::Listener listener) { session_.listen(std::move(listener)); }
  /// Called for each port that could not be opened, with a line that says why; at once for those that
  /// were missing when the session was opened.
  void listen_for_trouble(TroubleListener listener);
  /// Works on other interfaces from now on.
  void change_interfaces(const std::vector<std::string>& interfaces) {
    live_ports_.change({.patterns = interfaces, .defaults = interfaces.empty()});
  }

  // As the session has them, at the present instant: call(&Engine::discover, whom), as
  // Session::call() does, and call(&Session::submit, request, done) for what takes the time last.
  template <class Result, class... Taken, class... Arguments>
  Result call(Result (Engine::*function)(Taken...), const Arguments&... arguments) {
    const SetTimer afterwards(*this);
    return session_.call(now(), function, arguments...);
  }
  template <class Result, class... Taken, class... Arguments>
  Result call(Result (Session::*function)(Taken...), Arguments&&... arguments) {
    const SetTimer afterwards(*this);
    return (session_.*function)(std::forward<Arguments>(arguments)..., now());
  }
  bool open(Address device) { return session_.open(device); }

  /// Whether the loop has called it, for frames that came in or for what is due.
  bool is_in_step() const { return in_step_; }
  /// Whether a callback may be running.
  bool is_reporting() const { return in_step_ || in_trouble_ || session_.is_reporting(); }

  const Engine& engine() const { return session_.engine(); }
  boost::asio::io_context& loop() const { return loop_; }
  DeviceStatus status(const Device& device) const;
  /// Also of one that has gone.
  const std::string& interface_name(PortId port) const { return ports_.at(port).name; }
  /// The port on an interface; nothing when there is none now.
  std::optional<PortId> port_on(const std::string& interface) const;
  /// Those that it works on now.
  std::vector<InterfaceStatus> interfaces() const;

 private:
  /// Sets the timer at the end of a scope in which the deadline may have moved.
  struct SetTimer {
    explicit SetTimer(LiveSession& session) : session_(session) {}
    SetTimer(const SetTimer&) = delete;
    SetTimer& operator=(const SetTimer&) = delete;
    ~SetTimer() { session_.set_timer(); }
    LiveSession& session_;
  };

  LiveSession(boost::asio::io_context& loop, const Parameters& parameters, Trace trace);

  void port_opened(PacketPort& port) override;
  void port_readable(PacketPort& port) override;
  void port_changed(PacketPort& port) override;
  void port_closing(PacketPort& port) override;
  void port_trouble(const std::string& what) override;
  void port_missing(const std::string& what) override;
  void port_is_deaf(const std::string& what) override;
  void interface_left_out(const std::string& what) override;

  /// Now, or the time of the batch of frames that is being handled.
  Instant now() const { return batch_time_ != never ? batch_time_ : monotonic_now(); }
  /// Handles what waits at the port, for a while.
  void receive(PortId port);
  /// Returns whether a frame arrives that is worth staying awake for.
  bool arrives(PortId port);
  PortId id_of(const PacketPort& port) const;
  /// Handles what came in while the loop stood still, and then what is due by now.
  void tick();
  void set_timer();

  boost::asio::io_context& loop_;
  const Trace trace_;
  boost::asio::steady_timer timer_;
  Instant timer_due_ = never;
  Instant batch_time_ = never;
  Linger linger_;
  bool in_step_ = false;
  bool in_trouble_ = false;
  const std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
  Session session_;
  AsioWatcher watcher_;
  LivePorts live_ports_;
  struct Port {
    PacketPort* port = nullptr;  // null once it has gone
    std::string name;
  };
  std::vector<Port> ports_;                                    // by PortId
  std::vector<std::string> early_trouble_;                     // before there was a listener
  std::shared_ptr<const TroubleListener> trouble_listener_{};  // may be replaced while it is called
};

}  // namespace aoe::initiator
