#include "target/admin/control_server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

namespace aoe::target {
namespace {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using boost::system::error_code;

tl::unexpected<std::string> trouble(const std::string& path, int error) {
  return tl::unexpected(fmt::format("{}: {}", path, std::generic_category().message(error)));
}

/// Returns whether a process listens at this socket file; true where that is not known.
bool is_listening(const stream_protocol::endpoint& endpoint) {
  return stream_protocol::iostream(endpoint).error() != asio::error::connection_refused;
}

/// Binds at the path. Replaces a socket at which no process listens.
tl::expected<void, std::string> bind_file(stream_protocol::acceptor& acceptor,
                                          const std::string& path) {
  const auto endpoint = control_endpoint(path);
  if (!endpoint) return tl::unexpected(endpoint.error());
  // The file takes its mode from the socket, so there is no moment at which others may connect.
  if (::fchmod(acceptor.native_handle(), 0600) != 0) return trouble(path, errno);
  error_code error;
  acceptor.bind(*endpoint, error);
  if (error == asio::error::address_in_use) {
    struct stat there {};
    if (::lstat(path.c_str(), &there) == 0 && !S_ISSOCK(there.st_mode)) {
      return tl::unexpected(path + ": exists and is not a socket");
    }
    if (is_listening(*endpoint)) return tl::unexpected(path + ": in use by another process");
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return trouble(path, errno);
    acceptor.bind(*endpoint, error);
  }
  if (error) return trouble(path, error.value());
  return {};
}

}  // namespace

/// The listening socket and what all connections share. Outlives the server while a Reply refers to
/// it, and does nothing then.
class ControlServer::Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(asio::io_context& loop, std::string path, Handler handler, ControlOptions options)
      : loop_(loop), path_(std::move(path)), handler_(std::move(handler)), options_(options) {}

  tl::expected<void, std::string> open();
  void close();

 private:
  class Connection;

  void accept();
  void accepted(stream_protocol::socket socket);

  asio::io_context& loop_;
  const std::string path_;
  const Handler handler_;
  const ControlOptions options_;
  stream_protocol::acceptor acceptor_{loop_};
  asio::steady_timer pause_{loop_};
  struct stat file_ {};  // what was bound: its device and inode
  std::set<std::shared_ptr<Connection>> connections_;
};

/// One client: reads a line, has it answered, writes the reply, and starts over. Every callback
/// refers to it; close() ends them all.
class ControlServer::Listener::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Listener> listener, stream_protocol::socket socket)
      : listener_(std::move(listener)),
        socket_(std::move(socket)),
        timer_(socket_.get_executor()) {}

  void read() {
    expect_progress();
    // One byte more than the longest line, for its newline.
    asio::async_read_until(socket_, asio::dynamic_buffer(input_, control_line_size_max + 1), '\n',
                           [self = shared_from_this()](error_code error, std::size_t size) {
                             self->line_read(error, size);
                           });
  }

  void close() {
    error_code ignored;
    socket_.close(ignored);
    timer_.cancel();
    listener_->connections_.erase(shared_from_this());
  }

 private:
  void line_read(error_code error, std::size_t size) {
    if (error == asio::error::not_found) {
      is_last_ = true;  // where the next line begins is not known
      reply(error_reply(fmt::format("a request has {} bytes at most", control_line_size_max)));
      return;
    }
    if (error) return close();
    const std::string line = input_.substr(0, size - 1);
    input_.erase(0, size);
    const auto request = parse_request(line);
    if (!request) return reply(error_reply(request.error()));
    expect_progress(listener_->options_.reply_timeout);
    const std::uint64_t number = ++requests_;
    listener_->handler_(*request, [weak = weak_from_this(), number](std::string text) {
      const auto self = weak.lock();
      // A second reply to a request is ignored.
      if (self && self->socket_.is_open() && self->answered_ + 1 == number) {
        self->answered_ = number;
        self->reply(std::move(text));
      }
    });
  }

  void reply(std::string text) {
    expect_progress();
    output_ = std::move(text) + '\n';
    asio::async_write(socket_, asio::buffer(output_),
                      [self = shared_from_this()](error_code error, std::size_t) {
                        if (error || self->is_last_) return self->close();
                        self->read();
                      });
  }

  void expect_progress() { expect_progress(listener_->options_.idle_timeout); }

  void expect_progress(Duration timeout) {
    timer_.expires_after(timeout);
    timer_.async_wait([weak = weak_from_this()](error_code error) {
      const auto self = weak.lock();
      // A timer that was set again after it had fired is not over.
      if (error || !self || self->timer_.expiry() > asio::steady_timer::clock_type::now()) return;
      self->close();
    });
  }

  const std::shared_ptr<Listener> listener_;
  stream_protocol::socket socket_;
  asio::steady_timer timer_;
  std::string input_;
  std::string output_;
  std::uint64_t requests_ = 0;  // handed to the daemon; one at a time
  std::uint64_t answered_ = 0;
  bool is_last_ = false;
};

tl::expected<void, std::string> ControlServer::Listener::open() {
  error_code error;
  acceptor_.open(stream_protocol(), error);
  if (error) return trouble(path_, error.value());
  if (auto bound = bind_file(acceptor_, path_); !bound) return bound;
  ::lstat(path_.c_str(), &file_);
  acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return trouble(path_, error.value());
  accept();
  return {};
}

void ControlServer::Listener::close() {
  struct stat there {};
  const bool is_ours = file_.st_ino != 0 && ::lstat(path_.c_str(), &there) == 0 &&
                       there.st_ino == file_.st_ino && there.st_dev == file_.st_dev;
  if (is_ours) ::unlink(path_.c_str());
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  while (!connections_.empty()) {
    const auto connection = *connections_.begin();
    connection->close();
  }
}

void ControlServer::Listener::accept() {
  acceptor_.async_accept(
      [self = shared_from_this()](error_code error, stream_protocol::socket socket) {
        if (!self->acceptor_.is_open()) return;
        if (!error) {
          self->accepted(std::move(socket));
          return self->accept();
        }
        // Out of descriptors or memory: clients wait until there are some again.
        self->pause_.expires_after(self->options_.accept_pause);
        self->pause_.async_wait([self](error_code) {
          if (self->acceptor_.is_open()) self->accept();
        });
      });
}

void ControlServer::Listener::accepted(stream_protocol::socket socket) {
  if (connections_.size() >= connections_max) {
    const std::string line = error_reply("too many connections") + '\n';
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(line), ignored);  // fits what an unread socket holds
    return;
  }
  const auto connection = std::make_shared<Connection>(shared_from_this(), std::move(socket));
  connections_.insert(connection);
  connection->read();
}

ControlServer::ControlServer(std::shared_ptr<Listener> listener) : listener_(std::move(listener)) {}

ControlServer::~ControlServer() {
  listener_->close();
}

tl::expected<std::unique_ptr<ControlServer>, std::string> ControlServer::open(
    asio::io_context& loop, const std::string& path, Handler handler,
    const ControlOptions& options) {
  const auto listener = std::make_shared<Listener>(loop, path, std::move(handler), options);
  if (auto opened = listener->open(); !opened) return tl::unexpected(opened.error());
  return std::unique_ptr<ControlServer>(new ControlServer(listener));
}

}  // namespace aoe::target
