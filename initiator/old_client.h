// The initiator on this machine's interfaces: a session, packet ports, and the monotonic clock, in
// an Asio loop that belongs to the caller and may serve others too.
//
// For programs that do one thing after another: they submit, and wait() runs the loop until what
// they wait for has happened. One thread; callbacks come from within wait() and submit().
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <tl/expected.hpp>

#include "initiator/live_session.h"
#include "wire/asio_watcher.h"
#include "wire/live_ports.h"

namespace aoe::initiator {

class OldClient final : Session::Observer, LivePorts::User {
 public:
  using Done = std::function<void(const Completion&)>;
  using Listener = std::function<void(const Event&)>;

  /// Works on the interfaces named; with no names, on every Ethernet interface that is up.
  static tl::expected<std::unique_ptr<OldClient>, std::string> open(
      boost::asio::io_context& loop, const Parameters& parameters,
      const std::vector<std::string>& interfaces);
  ~OldClient();

  /// Hears of everything that happens from now on.
  void listen(Listener listener) { listener_ = std::move(listener); }

  /// Asks everyone, or one address, to show up; returns the tag that answers carry.
  std::uint32_t discover(Address whom);

  /// `done` is called once, perhaps before this returns. The request's id is the client's affair.
  void submit(IoRequest request, Done done);

  /// Runs the loop until `until()` holds, for `limit` at most. Returns whether it holds.
  bool wait(const std::function<bool()>& until, Duration limit);
  /// Without a limit: for what is certain to come, as every completion is.
  void wait(const std::function<bool()>& until);

  /// Discovers `address` again and again until its device is up, for `limit` at most. The error
  /// says why it is not: "e0.2: no answer on eth1 within 3 s", "e0.2: IDENTIFY failed: device
  /// unavailable".
  tl::expected<const Device*, std::string> find(Address address, std::chrono::seconds limit);

  const Engine& engine() const { return session_.engine(); }
  const std::string& interface_name(PortId port) const;
  /// "eth0, eth1 (down)": all that this client works on.
  std::string interface_names() const;

 private:
  OldClient(boost::asio::io_context& loop, const Parameters& parameters);

  void completed(const Completion& completion) override;
  void happened(const Event& event) override;
  void port_opened(PacketPort& port) override;
  void port_readable(PacketPort& port) override;
  void port_changed(PacketPort& port) override;
  void port_closing(PacketPort& port) override;
  void port_trouble(const std::string& what) override;

  PortId id_of(const PacketPort& port) const;
  /// What came in while the loop stood still is heard before the clock is believed.
  void tick();
  void set_timer();

  boost::asio::io_context& loop_;
  boost::asio::steady_timer timer_;
  Instant timer_due_ = never;
  Session session_;
  AsioWatcher watcher_;
  LivePorts live_ports_;
  struct Port {
    PacketPort* port;  // null once it has gone
    std::string name;
  };
  std::vector<Port> ports_;  // by PortId
  Listener listener_;
  std::unordered_map<std::uint64_t, Done> pending_;
  std::uint64_t next_id_ = 0;
  std::map<Address, Event> identify_failures_;  // the last of each device that is not up
};

}  // namespace aoe::initiator
