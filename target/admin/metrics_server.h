// Serves the metrics to Prometheus by HTTP, at /metrics, on the daemon's event loop.
//
// Owns the listening socket and the connections. The daemon makes the text again for each request. Who sends
// no whole request, or does not read its answer, is closed after the idle timeout. There is no encryption and
// no password: an address of this machine only is the usual choice.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <tl/expected.hpp>

#include "base/instant.h"

namespace aoe::target {

/// Parses "127.0.0.1:9178" or "[::1]:9178". Error: "expected an address and a port, such as
/// 127.0.0.1:9178".
tl::expected<boost::asio::ip::tcp::endpoint, std::string> metrics_endpoint(const std::string& text);

class MetricsServer {
 public:
  /// Returns the metrics now; called from the loop's thread.
  using Text = std::function<std::string()>;

  static constexpr std::size_t connections_max = 16;  // one more is closed

  /// Listens at an address: see metrics_endpoint(). Error: "127.0.0.1:9178: Address already in use".
  static tl::expected<std::unique_ptr<MetricsServer>, std::string> open(
      boost::asio::io_context& loop, const std::string& address, Text text,
      Duration idle_timeout = std::chrono::seconds(10));
  /// Ends every connection.
  ~MetricsServer();

  /// The port that it listens at.
  std::uint16_t port() const;

 private:
  class Listener;
  explicit MetricsServer(std::shared_ptr<Listener> listener);

  const std::shared_ptr<Listener> listener_;
};

}  // namespace aoe::target
