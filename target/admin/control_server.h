// The answering side of the control socket: lines in, lines out, on the daemon's event loop.
//
// Owns the socket file and the connections. The daemon answers (Handler), at once or later; what is
// no request is answered here. A connection may ask many things, one after another. It costs its
// slot and nothing else: who sends no whole line, or does not read the reply, is disconnected after
// the idle timeout.
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

class ControlServer {
 public:
  /// Takes one line without a newline; called once or not at all, at any time, from the loop's
  /// thread. The connection, and the server, may have gone by then.
  using Reply = std::function<void(std::string line)>;
  using Handler = std::function<void(ControlRequest request, Reply reply)>;

  static constexpr std::size_t connections_max = 16;  // one more is told so, and closed

  struct Options {
    Duration idle_timeout = std::chrono::seconds(30);  // for each line, its reply, and its reading
    Duration accept_pause = std::chrono::seconds(1);   // where accepting fails: no descriptors left
  };

  /// Listens at `path`, for this user only. A file that a process left behind is replaced. Errors:
  /// "/run/aoe-target.sock: in use by another process", "…: exists and is no socket", "…:
  /// Permission denied".
  static tl::expected<std::unique_ptr<ControlServer>, std::string> open(
      boost::asio::io_context& loop, const std::string& path, Handler handler, Options options);
  static tl::expected<std::unique_ptr<ControlServer>, std::string> open(
      boost::asio::io_context& loop, const std::string& path, Handler handler);

  /// Ends every connection and removes the file, unless another process has taken its place.
  ~ControlServer();

 private:
  class Listener;
  explicit ControlServer(std::shared_ptr<Listener> listener);

  const std::shared_ptr<Listener> listener_;
};

}  // namespace aoe::target
