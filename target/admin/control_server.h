// The target's side of the control socket: lines in, lines out, on the daemon's event loop.
//
// Owns the socket file and the connections. The daemon (Handler) answers requests, at once or
// later; malformed lines are answered here. A connection may send many requests, one after another.
// A connection that does not complete a line, or does not read its reply, is closed after the idle
// timeout, and one whose request gets no reply after the reply timeout.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <tl/expected.hpp>

#include "base/instant.h"
#include "target/admin/control.h"

namespace aoe::target {

struct ControlOptions {
  /// For a line, and for reading its reply.
  Duration idle_timeout = std::chrono::seconds(30);
  /// For the daemon to reply: a disk may take long to become stable.
  Duration reply_timeout = std::chrono::minutes(10);
  /// After accepting failed: no descriptors are left.
  Duration accept_pause = std::chrono::seconds(1);
};

class ControlServer {
 public:
  /// Sends one line, given without a newline. Called once or not at all, at any time, from the
  /// loop's thread, even after the connection or the server is gone.
  using Reply = std::function<void(std::string line)>;
  using Handler = std::function<void(ControlRequest request, Reply reply)>;

  static constexpr std::size_t connections_max = 16;  // one more gets an error and is closed

  /// Listens at `path`, for this user only. Replaces a socket at which no process listens. Errors:
  /// "/run/aoe-target.sock: in use by another process", "…: exists and is not a socket", "…:
  /// Permission denied".
  static tl::expected<std::unique_ptr<ControlServer>, std::string> open(
      boost::asio::io_context& loop, const std::string& path, Handler handler,
      const ControlOptions& options = {});

  /// Ends every connection and removes the file, unless another process has taken its place.
  ~ControlServer();

 private:
  class Listener;
  explicit ControlServer(std::shared_ptr<Listener> listener);

  const std::shared_ptr<Listener> listener_;
};

}  // namespace aoe::target
