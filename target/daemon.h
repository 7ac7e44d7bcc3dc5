// The live world of a target: a Service on real interfaces, and the event loop that drives it.
//
// Owns the loop and the ports; the service belongs to the caller and outlives it. Announces the
// LUNs on every port that comes up, and again when its MAC or MTU changes. Takes turns between
// ports, so that a flood on one neither starves the others nor keeps a signal waiting.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <tl/expected.hpp>

#include "target/service.h"
#include "wire/asio_watcher.h"
#include "wire/live_ports.h"

namespace aoe::target {

class Daemon final : LivePorts::User {
 public:
  using Log = std::function<void(std::string_view line)>;

  /// Opens the ports: on the interfaces named, which must exist at first, and may be down, go and
  /// come back; or, with no names, on every Ethernet interface as soon as it is up. Announces the
  /// LUNs. Errors: of LivePorts::open().
  static tl::expected<std::unique_ptr<Daemon>, std::string> open(
      Service& service, const std::vector<std::string>& interfaces, Log log);
  ~Daemon();

  /// Serves until SIGINT or SIGTERM, which are caught from open() on.
  void run();

 private:
  Daemon(Service& service, const std::vector<std::string>& interfaces, Log log);

  void port_opened(PacketPort& port) override;
  void port_readable(PacketPort& port) override;
  void port_changed(PacketPort& port) override;
  void port_closing(PacketPort& port) override;
  void port_trouble(const std::string& what) override;

  void watch_store(Store& store, boost::asio::posix::stream_descriptor& readable);
  void log_counters() const;

  Service& service_;
  const Log log_;
  boost::asio::io_context loop_{1};
  boost::asio::signal_set signals_{loop_};
  AsioWatcher watcher_{loop_};
  LivePorts ports_;
  std::vector<std::unique_ptr<boost::asio::posix::stream_descriptor>> stores_;
};

}  // namespace aoe::target
