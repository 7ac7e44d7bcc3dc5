// A session on this machine's interfaces: packet ports and the monotonic clock, in an Asio loop
// that belongs to the caller and may serve others too.
//
// What the client library (client.h) and the harness are built on. One thread; callbacks come from
// within the loop and from within the functions called. The session must not end within one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <tl/expected.hpp>

#include "initiator/client/session.h"
#include "initiator/client/status.h"
#include "initiator/engine/numbered.h"
#include "wire/asio_watcher.h"
#include "wire/live_ports.h"

namespace aoe::initiator {

/// Now, on the line that the engines' instants are on.
Instant monotonic_now();

class LiveSession final : Session::Observer, LivePorts::User {
 public:
  using Done = std::function<void(const Completion&)>;
  using AskDone = std::function<void(const QueryResult&)>;
  using Listener = std::function<void(const Event&)>;
  using TroubleListener = std::function<void(const std::string&)>;

  /// Works on the interfaces named (see matches() in wire/interfaces.h); with no names, on every
  /// Ethernet interface, as soon as it is up.
  static tl::expected<std::unique_ptr<LiveSession>, std::string> open(
      boost::asio::io_context& loop, const Parameters& parameters,
      const std::vector<std::string>& interfaces);
  ~LiveSession();

  /// Hears of everything that happens from now on.
  void listen(Listener listener) { listener_ = std::move(listener); }
  /// Hears of ports that could not be opened; without it, nobody does.
  void listen_for_trouble(TroubleListener listener) { trouble_listener_ = std::move(listener); }

  /// Works on other interfaces from now on.
  void change_interfaces(const std::vector<std::string>& interfaces);

  // As the engine has them.
  void set_parameters(const Parameters& parameters);
  std::uint32_t discover(Address whom);
  bool open(Address device) { return session_.open(device); }
  void close(Address device) { session_.close(device, now()); }
  bool revalidate(Address device);
  bool forget(Address device);
  std::size_t forget_down();
  std::size_t forget_unopened();

  /// `done` is called once, perhaps before this returns; with IoError::cancelled when the session
  /// goes. The request's id is the session's affair: it is returned, for cancel().
  std::uint64_t submit(IoRequest request, Done done);
  /// Completes a request that has not completed yet.
  void cancel(std::uint64_t id);

  /// Asks a device something else than I/O, on every interface; `done` and the number as with
  /// submit(), but for cancel_query().
  std::uint64_t ask(Address device, const Query& query, Duration limit, AskDone done);
  /// Asks once, by one path, in a frame of at least `frame_size` bytes.
  std::uint64_t probe(Address device, const Query& query, const PathStatus& path,
                      std::size_t frame_size, Duration limit, AskDone done);
  void cancel_query(std::uint64_t id);

  /// Within the loop, handling what came in or is due; within any function, reporting.
  bool is_in_step() const { return in_step_; }
  bool is_reporting() const { return in_step_ || session_.is_reporting(); }

  const Engine& engine() const { return session_.engine(); }
  DeviceStatus status(const Device& device) const;
  /// Also of one that has gone.
  const std::string& interface_name(PortId port) const { return ports_.at(port).name; }
  /// Those that it works on now.
  std::vector<InterfaceStatus> interfaces() const;

 private:
  LiveSession(boost::asio::io_context& loop, const Parameters& parameters);

  void completed(const Completion& completion) override;
  void answered(const QueryResult& result) override;
  void happened(const Event& event) override;
  void port_opened(PacketPort& port) override;
  void port_readable(PacketPort& port) override;
  void port_changed(PacketPort& port) override;
  void port_closing(PacketPort& port) override;
  void port_trouble(const std::string& what) override;

  /// Now, or the time of the batch of frames that is being handled.
  Instant now() const { return batch_time_ != never ? batch_time_ : monotonic_now(); }
  /// Handles what waits at the port, for a while.
  void receive(PortId port);
  PortId id_of(const PacketPort& port) const;
  std::uint64_t ask(QueryRequest request, AskDone done);
  /// What came in while the loop stood still is heard before the clock is believed.
  void tick();
  void set_timer();

  boost::asio::steady_timer timer_;
  Instant timer_due_ = never;
  Instant batch_time_ = never;
  bool in_step_ = false;
  const std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
  Session session_;
  AsioWatcher watcher_;
  LivePorts live_ports_;
  struct Port {
    PacketPort* port = nullptr;  // null once it has gone
    std::string name;
  };
  std::vector<Port> ports_;  // by PortId
  Listener listener_;
  TroubleListener trouble_listener_;
  struct Pending {
    Address device;
    Done done;
  };
  Numbered<Pending> pending_;
  Numbered<AskDone> asking_;
};

}  // namespace aoe::initiator
