#include "target/admin/metrics_server.h"

#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

namespace aoe::target {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

/// A server whose loop runs on a thread of its own; its text counts how often it was made.
class MetricsServerTest : public ::testing::Test {
 protected:
  void start(Duration idle_timeout = std::chrono::seconds(10)) {
    auto opened = MetricsServer::open(
        loop_, "127.0.0.1:0", [this] { return fmt::format("made {}\n", ++made_); }, idle_timeout);
    ASSERT_TRUE(opened) << opened.error();
    server_ = *std::move(opened);
    port_ = server_->port();
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~MetricsServerTest() override {
    asio::post(loop_, [this] {
      server_.reset();
      work_.reset();
    });
    if (thread_.joinable()) thread_.join();
  }

  tcp::socket connect() {
    tcp::socket socket(client_loop_);
    socket.connect({asio::ip::address_v4::loopback(), port_});
    return socket;
  }
  /// What the server says until it ends the connection.
  static std::string rest_of(tcp::socket& socket) {
    std::string text;
    boost::system::error_code error;
    asio::read(socket, asio::dynamic_buffer(text), error);
    return text;
  }
  /// The whole answer to a request, after which the server ends the connection.
  std::string ask(const std::string& request) {
    tcp::socket socket = connect();
    asio::write(socket, asio::buffer(request));
    return rest_of(socket);
  }

  asio::io_context loop_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(loop_);
  asio::io_context client_loop_;
  std::unique_ptr<MetricsServer> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
  int made_ = 0;
};

constexpr const char* last = " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

TEST_F(MetricsServerTest, ThereIsOneThingToGet) {
  start();
  const std::string answer = ask(std::string("GET /metrics") + last);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("Content-Type: text/plain; version=0.0.4"), answer.npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nmade 1\n")) << answer;
  EXPECT_TRUE(ask(std::string("GET /metrics?x=1") + last).ends_with("made 2\n"));
  const std::string head = ask(std::string("HEAD /metrics") + last);
  EXPECT_NE(head.find("Content-Length: 7\r\n"), head.npos) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
  EXPECT_TRUE(ask(std::string("GET /") + last).starts_with("HTTP/1.1 404 "));
  const std::string post = ask(std::string("POST /metrics") + last);
  EXPECT_TRUE(post.starts_with("HTTP/1.1 405 ")) << post;
  EXPECT_NE(post.find("Allow: GET, HEAD\r\n"), post.npos) << post;
}

TEST_F(MetricsServerTest, AConnectionServesManyRequests) {
  start();
  tcp::socket socket = connect();
  asio::write(socket, asio::buffer(std::string("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")));
  std::string text;
  asio::read_until(socket, asio::dynamic_buffer(text), "made 1\n");
  asio::write(socket, asio::buffer(std::string("GET /metrics") + last));
  EXPECT_TRUE(rest_of(socket).ends_with("made 2\n"));
}

TEST_F(MetricsServerTest, WhatIsNoRequestEndsTheConnection) {
  start();
  EXPECT_EQ(ask("frob\r\n\r\n"), "");
  EXPECT_EQ(ask("GET /" + std::string(10000, 'x') + last), "");
  EXPECT_TRUE(ask(std::string("GET /metrics") + last).ends_with("made 1\n"));
}

TEST_F(MetricsServerTest, WhoIsSilentIsClosed) {
  start(std::chrono::milliseconds(20));
  tcp::socket socket = connect();
  EXPECT_EQ(rest_of(socket), "");
}

TEST_F(MetricsServerTest, ConnectionsAreLimited) {
  start();
  std::vector<tcp::socket> others;
  for (std::size_t i = 0; i < MetricsServer::connections_max; ++i) {
    others.push_back(connect());
    asio::write(others.back(),
                asio::buffer(std::string("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")));
    std::string text;
    asio::read_until(others.back(), asio::dynamic_buffer(text), "made");
  }
  tcp::socket one_more = connect();
  EXPECT_EQ(rest_of(one_more), "");
}

TEST_F(MetricsServerTest, AnAddressIsNumericAndFree) {
  for (const char* wrong :
       {"", "9178", "localhost:9178", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:1x"}) {
    EXPECT_EQ(metrics_endpoint(wrong).error(),
              "expected an address and a port, such as 127.0.0.1:9178")
        << wrong;
  }
  EXPECT_EQ(metrics_endpoint("[::1]:9178")->port(), 9178);
  start();
  const std::string taken = fmt::format("127.0.0.1:{}", port_);
  EXPECT_EQ(MetricsServer::open(loop_, taken, [] { return ""; }).error(),
            taken + ": Address already in use");
}

}  // namespace
}  // namespace aoe::target
