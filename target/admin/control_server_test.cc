#include "target/admin/control_server.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

namespace aoe::target {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view ask_status = "{\"command\":\"status\"}\n";

/// A client that does whatever a client might.
class Client {
 public:
  explicit Client(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path, address.sun_path);
    is_connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Client& operator=(Client&&) = delete;
  ~Client() { close(); }

  bool is_connected() const { return is_connected_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void end_sending() { ::shutdown(fd_, SHUT_WR); }

  /// How many bytes went out before the server hung up.
  std::size_t send(std::string_view bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t size = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (size <= 0) break;
      sent += static_cast<std::size_t>(size);
    }
    return sent;
  }
  /// The next line; "end" where the connection is over.
  std::string line() {
    std::string line;
    for (char c = 0;;) {
      if (::recv(fd_, &c, 1, 0) != 1) return "end";
      if (c == '\n') return line;
      line += c;
    }
  }
  std::string ask(std::string_view bytes) {
    send(bytes);
    return line();
  }

 private:
  int fd_;
  bool is_connected_ = false;
};

std::string fresh_path() {
  const std::string path = testing::TempDir() + fmt::format("control-server-{}.sock", ::getpid());
  std::filesystem::remove_all(path);
  return path;
}

/// A server with its loop in a thread, and a handler that replies with the number of the request.
class ControlServerTest : public testing::Test {
 protected:
  ~ControlServerTest() override {
    stop();
    std::filesystem::remove_all(path_);
  }

  void start(ControlOptions options = {}) {
    start(
        [this](const ControlRequest&, const ControlServer::Reply& reply) {
          reply(fmt::format("reply {}", ++requests_));
        },
        options);
  }
  void start(ControlServer::Handler handler, ControlOptions options = {}) {
    auto server = ControlServer::open(loop_, path_, std::move(handler), options);
    ASSERT_TRUE(server) << server.error();
    server_ = *std::move(server);
    thread_ = std::thread([this] { loop_.run(); });
  }
  /// Ends the server on its loop, and the loop.
  void stop() {
    if (!thread_.joinable()) return;
    boost::asio::post(loop_, [this] {
      server_.reset();
      stay_.reset();
    });
    thread_.join();
  }
  std::string open_error() {
    const auto server = ControlServer::open(loop_, path_, {});
    return server ? "none" : server.error();
  }

  const std::string path_ = fresh_path();
  boost::asio::io_context loop_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> stay_ =
      boost::asio::make_work_guard(loop_);
  std::unique_ptr<ControlServer> server_;
  std::thread thread_;
  int requests_ = 0;
};

TEST_F(ControlServerTest, AConnectionAsksAsOftenAsItLikes) {
  start();
  Client client(path_);
  EXPECT_EQ(client.ask(ask_status), "reply 1");
  EXPECT_EQ(client.ask(ask_status), "reply 2");
  EXPECT_EQ(client.ask(fmt::format("{}{}", ask_status, ask_status)), "reply 3");
  EXPECT_EQ(client.line(), "reply 4");
  client.end_sending();
  EXPECT_EQ(client.line(), "end");
}

TEST_F(ControlServerTest, TheHandlerGetsWhatWasAsked) {
  ControlRequest asked;
  start([&asked](ControlRequest request, const ControlServer::Reply& reply) {
    asked = std::move(request);
    reply("fine");
  });
  const ControlRequest config{.command = ControlCommand::config, .lun = {0, 2}, .set = "text"};
  EXPECT_EQ(Client(path_).ask(request_line(config) + "\n"), "fine");
  stop();
  EXPECT_EQ(asked, config);
}

TEST_F(ControlServerTest, AReplyMayComeLaterAndOnlyOnce) {
  start([this](const ControlRequest&, ControlServer::Reply reply) {
    boost::asio::post(loop_, [this, reply = std::move(reply)] {
      const int number = ++requests_;
      reply(fmt::format("reply {}", number));
      reply("again");
    });
  });
  Client client(path_);
  EXPECT_EQ(client.ask(ask_status), "reply 1");
  EXPECT_EQ(client.ask(ask_status), "reply 2");
}

TEST_F(ControlServerTest, WhatIsNoRequestIsAnsweredWithAnErrorAndHarmsNothing) {
  start();
  Client client(path_);
  EXPECT_EQ(client.ask("\n"), error_reply("expected a JSON object, in one line"));
  EXPECT_EQ(client.ask(std::string_view("\xff\0\x01{\n", 5)),
            error_reply("expected a JSON object, in one line"));
  EXPECT_EQ(client.ask("{}\n"), error_reply("command: is missing"));
  EXPECT_EQ(client.ask(ask_status), "reply 1");
}

TEST_F(ControlServerTest, ALineMayComeInPieces) {
  start();
  Client client(path_);
  for (const char c : ask_status) client.send(std::string_view(&c, 1));
  EXPECT_EQ(client.line(), "reply 1");
}

TEST_F(ControlServerTest, HalfALineIsNoRequest) {
  start();
  Client half(path_);
  half.send("{\"command\":\"status\"}");
  half.end_sending();
  EXPECT_EQ(half.line(), "end");
  Client gone(path_);
  gone.send("{\"comm");
  gone.close();
  EXPECT_EQ(Client(path_).ask(ask_status), "reply 1") << "the first that was asked";
}

TEST_F(ControlServerTest, ALineIsNoLongerThanItMayBe) {
  start();
  std::string line(ask_status.substr(0, ask_status.size() - 1));
  line.resize(control_line_size_max, ' ');
  Client client(path_);
  EXPECT_EQ(client.ask(line + "\n"), "reply 1");
  EXPECT_EQ(client.ask(line + " \n"), error_reply("a request has 65536 bytes at most"));
  EXPECT_EQ(client.line(), "end");
  Client endless(path_);
  const std::size_t much = 64 << 20;
  EXPECT_LT(endless.send(std::string(much, 'x')), much);
  EXPECT_EQ(Client(path_).ask(ask_status), "reply 2");
}

TEST_F(ControlServerTest, OneConnectionTooManyIsToldSo) {
  start();
  std::vector<Client> clients;
  for (std::size_t i = 0; i < ControlServer::connections_max; ++i) {
    clients.emplace_back(path_);
    EXPECT_NE(clients.back().ask(ask_status), "end");
  }
  Client one_more(path_);
  EXPECT_EQ(one_more.line(), error_reply("too many connections"));
  EXPECT_EQ(one_more.line(), "end");
  clients[3].end_sending();
  EXPECT_EQ(clients[3].line(), "end") << "and its slot is free";
  EXPECT_EQ(Client(path_).ask(ask_status), "reply 17");
}

TEST_F(ControlServerTest, WhoSendsNothingIsDisconnected) {
  start({20ms, 1s});
  EXPECT_EQ(Client(path_).line(), "end");
  Client half(path_);
  half.send("{");
  EXPECT_EQ(half.line(), "end");
}

TEST_F(ControlServerTest, WhoReadsNothingIsDisconnected) {
  start([](const ControlRequest&,
           const ControlServer::Reply& reply) { reply(std::string(16 << 20, 'x')); },
        {20ms, 1s});
  Client deaf(path_);
  // The server stops reading once a reply does not go out; then it hangs up, and sending fails.
  std::size_t sent = 0;
  while (deaf.send(ask_status) == ask_status.size()) ++sent;
  EXPECT_GT(sent, 0U);
}

TEST_F(ControlServerTest, WhoIsNeverRepliedToIsDisconnected) {
  ControlServer::Reply kept;
  start([&kept](const ControlRequest&, ControlServer::Reply reply) { kept = std::move(reply); },
        {20ms, 1s});
  EXPECT_EQ(Client(path_).ask(ask_status), "end");
  stop();
  kept("nobody is there any more");
}

TEST_F(ControlServerTest, AReplyToWhoHasGoneGoesNowhere) {
  std::vector<ControlServer::Reply> kept;
  start([&kept](const ControlRequest& request, ControlServer::Reply reply) {
    if (request.command == ControlCommand::stats) {
      for (const ControlServer::Reply& each : kept) each(std::string(1 << 20, 'x'));
      reply("done");
    } else {
      kept.push_back(std::move(reply));
    }
  });
  Client gone(path_);
  gone.send(ask_status);
  gone.close();
  EXPECT_EQ(Client(path_).ask("{\"command\":\"stats\"}\n"), "done");
  EXPECT_EQ(Client(path_).ask("{}\n"), error_reply("command: is missing"));
}

TEST_F(ControlServerTest, WithoutDescriptorsClientsWait) {
  start({30s, 1ms});
  Client client(path_);
  EXPECT_EQ(client.ask(ask_status), "reply 1");
  Client waiting(path_);
  EXPECT_EQ(waiting.ask(ask_status), "reply 2");
  waiting.close();
  // From here on no descriptor can be made, but for the one that the next client takes.
  const int lowest_free = ::dup(0);
  ::close(lowest_free);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit tight{static_cast<rlim_t>(lowest_free) + 1, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  Client refused(path_);
  EXPECT_TRUE(refused.is_connected());
  EXPECT_EQ(::dup(0), -1);
  EXPECT_EQ(client.ask(ask_status), "reply 3") << "the loop goes on";
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(refused.ask(ask_status), "reply 4");
}

TEST_F(ControlServerTest, TheFileIsForThisUserAndGoesWithTheServer) {
  const mode_t before = ::umask(0);
  start();
  ::umask(before);
  struct stat file {};
  ASSERT_EQ(::stat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode, static_cast<mode_t>(S_IFSOCK | 0600));
  Client client(path_);
  EXPECT_EQ(client.ask(ask_status), "reply 1");
  stop();
  EXPECT_EQ(client.line(), "end");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ControlServerTest, AFileThatWasLeftBehindIsReplaced) {
  {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path_, address.sun_path);
    const int left = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(left, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::close(left);
  }
  ASSERT_TRUE(std::filesystem::exists(path_));
  start();
  EXPECT_EQ(Client(path_).ask(ask_status), "reply 1");
}

TEST_F(ControlServerTest, AFileInUseIsLeftAlone) {
  start();
  EXPECT_EQ(open_error(), path_ + ": in use by another process");
  EXPECT_EQ(Client(path_).ask(ask_status), "reply 1");
}

TEST_F(ControlServerTest, AFileThatTookItsPlaceIsLeftAlone) {
  start();
  std::filesystem::remove(path_);
  std::ofstream(path_) << "another";
  stop();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ControlServerTest, WhereNoSocketCanBeThereIsAReason) {
  std::ofstream(path_) << "precious";
  EXPECT_EQ(open_error(), path_ + ": exists and is not a socket");
  EXPECT_TRUE(std::filesystem::exists(path_));
  const auto error_at = [this](const std::string& path) {
    const auto server = ControlServer::open(loop_, path, {});
    return server ? "none" : server.error();
  };
  EXPECT_EQ(error_at("/nonexistent/a.sock"), "/nonexistent/a.sock: No such file or directory");
  const std::string long_path(108, 'a');
  EXPECT_EQ(error_at(long_path), fmt::format("'{}': no path of a socket", long_path));
  EXPECT_EQ(error_at(""), "'': no path of a socket");
}

}  // namespace
}  // namespace aoe::target
