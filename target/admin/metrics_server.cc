#include "target/admin/metrics_server.h"

#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace aoe::target {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr std::uint32_t header_size_max = 8192;  // bytes

}  // namespace

tl::expected<tcp::endpoint, std::string> metrics_endpoint(const std::string& text) {
  const auto fail = [] {
    return tl::unexpected(std::string("expected an address and a port, such as 127.0.0.1:9178"));
  };
  const auto colon = text.rfind(':');
  if (colon == text.npos) return fail();
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host, error);
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, port);
  if (error || parsed.ec != std::errc{} || parsed.ptr != end) return fail();
  return tcp::endpoint(address, port);
}

/// The listening socket and what all connections share.
class MetricsServer::Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(asio::io_context& loop, Text text, Duration idle_timeout)
      : acceptor_(loop), pause_(loop), text_(std::move(text)), idle_timeout_(idle_timeout) {}

  boost::system::error_code open(const tcp::endpoint& endpoint);
  void close();
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  class Connection;
  void accept();

  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  const Text text_;
  const Duration idle_timeout_;
  std::set<std::shared_ptr<Connection>> connections_;
};

/// One client: reads a request, answers it, and starts over while the client wants that.
class MetricsServer::Listener::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Listener> listener, tcp::socket socket)
      : listener_(std::move(listener)), stream_(std::move(socket)) {}

  void read() {
    parser_.emplace();
    parser_->header_limit(header_size_max);
    parser_->body_limit(header_size_max);  // of a request that is refused
    stream_.expires_after(listener_->idle_timeout_);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](beast::error_code error, std::size_t) {
                       if (error) return self->close();
                       self->answer(self->parser_->get());
                     });
  }

  void close() {
    stream_.close();
    listener_->connections_.erase(shared_from_this());
  }

 private:
  void answer(const http::request<http::string_body>& request) {
    response_ = {};
    response_.version(request.version());
    response_.keep_alive(request.keep_alive());
    const bool is_head = request.method() == http::verb::head;
    const auto path = request.target().substr(0, request.target().find('?'));
    if (request.method() != http::verb::get && !is_head) {
      fill(http::status::method_not_allowed, "only GET and HEAD\n");
      response_.set(http::field::allow, "GET, HEAD");
    } else if (path == "/metrics") {
      fill(http::status::ok, listener_->text_());
    } else {
      fill(http::status::not_found, "there is only /metrics\n");
    }
    const std::size_t size = response_.body().size();
    if (is_head) response_.body().clear();
    response_.content_length(size);
    stream_.expires_after(listener_->idle_timeout_);
    http::async_write(stream_, response_,
                      [self = shared_from_this()](beast::error_code error, std::size_t) {
                        if (error || self->response_.need_eof()) return self->close();
                        self->read();
                      });
  }

  void fill(http::status status, std::string body) {
    response_.result(status);
    response_.set(http::field::content_type, status == http::status::ok
                                                 ? "text/plain; version=0.0.4; charset=utf-8"
                                                 : "text/plain");
    response_.body() = std::move(body);
  }

  const std::shared_ptr<Listener> listener_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
};

boost::system::error_code MetricsServer::Listener::open(const tcp::endpoint& endpoint) {
  boost::system::error_code error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (!error) accept();
  return error;
}

void MetricsServer::Listener::close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  while (!connections_.empty()) {
    const auto connection = *connections_.begin();
    connection->close();
  }
}

void MetricsServer::Listener::accept() {
  acceptor_.async_accept(
      [self = shared_from_this()](boost::system::error_code error, tcp::socket socket) {
        if (!self->acceptor_.is_open()) return;
        if (error) {  // out of descriptors or memory: clients wait until there are some again
          self->pause_.expires_after(std::chrono::seconds(1));
          return self->pause_.async_wait([self](boost::system::error_code) {
            if (self->acceptor_.is_open()) self->accept();
          });
        }
        if (self->connections_.size() < connections_max) {
          const auto connection = std::make_shared<Connection>(self, std::move(socket));
          self->connections_.insert(connection);
          connection->read();
        }
        self->accept();
      });
}

MetricsServer::MetricsServer(std::shared_ptr<Listener> listener) : listener_(std::move(listener)) {}

MetricsServer::~MetricsServer() {
  listener_->close();
}

std::uint16_t MetricsServer::port() const {
  return listener_->port();
}

tl::expected<std::unique_ptr<MetricsServer>, std::string> MetricsServer::open(
    asio::io_context& loop, const std::string& address, Text text, Duration idle_timeout) {
  const auto endpoint = metrics_endpoint(address);
  if (!endpoint) return tl::unexpected(address + ": " + endpoint.error());
  auto listener = std::make_shared<Listener>(loop, std::move(text), idle_timeout);
  if (const auto error = listener->open(*endpoint)) {
    return tl::unexpected(address + ": " + error.message());
  }
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(listener)));
}

}  // namespace aoe::target
