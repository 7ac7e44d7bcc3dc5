#include "target/admin/control_client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace aoe::target {
namespace {

using namespace std::chrono_literals;

/// Whatever listens at a socket file: takes one connection, and does with it what the test says.
class Peer {
 public:
  explicit Peer(std::function<void(int fd)> play)
      : path_(testing::TempDir() + fmt::format("control-{}.sock", ::getpid())) {
    std::filesystem::remove(path_);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path_, address.sun_path);
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd_, 1), 0);
    thread_ = std::thread([this, play = std::move(play)] {
      const int client = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
      play(client);
      ::close(client);
    });
  }
  ~Peer() {
    thread_.join();
    ::close(fd_);
    std::filesystem::remove(path_);
  }

  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  int fd_ = -1;
  std::thread thread_;
};

std::string read_line(int fd) {
  std::string line;
  for (char c = 0; ::read(fd, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

/// Waits until the client has gone.
void wait_for_end(int fd) {
  for (char c = 0; ::read(fd, &c, 1) == 1;) {
  }
}

struct Outcome {
  int status;
  std::string out;
  std::string errors;
};

Outcome run(const ControlArguments& arguments) {
  char* out = nullptr;
  char* errors = nullptr;
  std::size_t out_size = 0;
  std::size_t errors_size = 0;
  std::FILE* const out_file = ::open_memstream(&out, &out_size);
  std::FILE* const errors_file = ::open_memstream(&errors, &errors_size);
  const int status = run_control(arguments, out_file, errors_file);
  std::fclose(out_file);
  std::fclose(errors_file);
  const Outcome outcome{status, {out, out_size}, {errors, errors_size}};
  std::free(out);
  std::free(errors);
  return outcome;
}

/// Runs `ctl status` against a target that replies with this line.
Outcome run(const std::string& reply, bool json) {
  std::string asked;
  Outcome result{};
  {
    const Peer peer([&](int fd) {
      asked = read_line(fd);
      write_all(fd, reply + "\n");
    });
    result = run({peer.path(), json, {}, 5s});
  }
  EXPECT_EQ(asked, R"({"command":"status"})");
  return result;
}

TEST(ControlClient, ASuccessIsShownAsTextOrAsItCame) {
  const std::string reply = R"({"ok":true,"text":"fine\n"})";
  const Outcome text = run(reply, false);
  EXPECT_EQ(text.status, 0);
  EXPECT_EQ(text.out, "fine\n");
  EXPECT_EQ(text.errors, "");
  const Outcome json = run(reply, true);
  EXPECT_EQ(json.status, 0);
  EXPECT_EQ(json.out, reply + "\n");
  EXPECT_EQ(json.errors, "");
}

TEST(ControlClient, AnErrorEndsWithStatusOne) {
  const std::string reply = R"({"ok":false,"error":"e0.2: no such LUN"})";
  const Outcome text = run(reply, false);
  EXPECT_EQ(text.status, 1);
  EXPECT_EQ(text.out, "");
  EXPECT_EQ(text.errors, "aoe-target: e0.2: no such LUN\n");
  const Outcome json = run(reply, true);
  EXPECT_EQ(json.status, 1);
  EXPECT_EQ(json.out, reply + "\n");
}

TEST(ControlClient, WhatIsNoReplyIsAnError) {
  const Outcome text = run("HTTP/1.0 400 Bad Request", false);
  EXPECT_EQ(text.status, 1);
  EXPECT_EQ(text.errors, "aoe-target: the reply is not a target's\n");
}

TEST(ControlClient, WhereNobodyListensThereIsAReason) {
  const Outcome no_socket = run({"/nonexistent/a.sock", false, {}, 5s});
  EXPECT_EQ(no_socket.errors, "aoe-target: /nonexistent/a.sock: No such file or directory\n");
  EXPECT_EQ(no_socket.status, exit_not_running);
  const std::string long_path(108, 'a');
  EXPECT_EQ(ask_target(long_path, "", 5s).error().text,
            fmt::format("'{}': no path of a socket", long_path));
  EXPECT_EQ(ask_target("", "", 5s).error().text, "'': no path of a socket");
}

TEST(ControlClient, ASocketThatNobodyHasIsATargetThatDoesNotRun) {
  const std::string path = testing::TempDir() + fmt::format("left-{}.sock", ::getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
  const Outcome left = run({path, false, {}, 5s});
  std::filesystem::remove(path);
  EXPECT_EQ(left.errors, fmt::format("aoe-target: {}: Connection refused\n", path));
  EXPECT_EQ(left.status, exit_not_running);
}

TEST(ControlClient, AConnectionThatEndsEarlyIsAnError) {
  std::string path;
  const auto ask = [&path](const std::string& half) {
    const Peer peer([&half](int fd) {
      read_line(fd);
      write_all(fd, half);
    });
    path = peer.path();
    return ask_target(path, "{}", 5s);
  };
  for (const char* half : {"", "{\"ok\":"}) {
    const std::string error = ask(half).error().text;
    EXPECT_EQ(error, path + ": the connection ended before the reply") << half;
  }
}

TEST(ControlClient, ATargetThatIsSilentOrDoesNotReadIsGivenUp) {
  const Peer silent(wait_for_end);
  EXPECT_EQ(ask_target(silent.path(), "{}", 20ms).error().text,
            silent.path() + ": no reply in time");
}

TEST(ControlClient, ATargetThatReadsNothingIsGivenUp) {
  std::string error;
  std::string path;
  {
    std::thread asking;
    const Peer deaf([&](int) { asking.join(); });
    path = deaf.path();
    asking = std::thread(
        [&] { error = ask_target(path, std::string(4 << 20, 'x'), 20ms).error().text; });
  }
  EXPECT_EQ(error, path + ": no reply in time");
}

TEST(ControlClient, ARefusalBeforeAllWasSentIsStillRead) {
  const Peer peer([](int fd) { write_all(fd, "too long\n"); });
  EXPECT_EQ(ask_target(peer.path(), std::string(4 << 20, 'x'), 5s).value(), "too long");
}

TEST(ControlClient, ALongReplyIsReadWhole) {
  const std::string reply(1 << 20, 'x');
  const Peer peer([&reply](int fd) {
    read_line(fd);
    write_all(fd, reply + "\n");
  });
  EXPECT_EQ(ask_target(peer.path(), "{}", 5s).value(), reply);
}

}  // namespace
}  // namespace aoe::target
