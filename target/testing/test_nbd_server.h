// An NBD server for tests: nbdkit on a Unix socket.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/descriptor.h"

namespace aoe::target {

inline bool has_nbdkit() {
  return ::access("/usr/bin/nbdkit", X_OK) == 0 || ::access("/usr/sbin/nbdkit", X_OK) == 0;
}

/// The socket listens before nbdkit runs, so nobody waits for that. Without arguments nobody ever
/// accepts a connection.
class TestNbdServer {
 public:
  TestNbdServer(const std::filesystem::path& socket, std::vector<std::string> arguments) {
    std::filesystem::remove(socket);
    const Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(socket.string(), address.sun_path);
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener.get(), 5), 0);
    if (arguments.empty()) {
      silent_ = Descriptor(::dup(listener.get()));
      return;
    }
    arguments.insert(arguments.begin(), {"nbdkit", "--foreground", "--exit-with-parent"});
    std::vector<char*> words;
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    process_ = ::fork();
    if (process_ != 0) return;
    ::dup2(listener.get(), 3);
    ::fcntl(3, F_SETFD, 0);  // for it may have been 3 already
    ::setenv("LISTEN_FDS", "1", 1);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::execvp("nbdkit", words.data());
    ::_exit(127);
  }
  TestNbdServer(const TestNbdServer&) = delete;
  TestNbdServer& operator=(const TestNbdServer&) = delete;
  ~TestNbdServer() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }

  /// From here on it says nothing more: the kernel tells of a stop once the last thread stands still.
  void stop() const {
    EXPECT_EQ(::kill(process_, SIGSTOP), 0);
    int status = 0;
    EXPECT_EQ(::waitpid(process_, &status, WUNTRACED), process_);
    EXPECT_TRUE(WIFSTOPPED(status));
  }

 private:
  pid_t process_ = 0;
  Descriptor silent_;  // listens, and never accepts
};

}  // namespace aoe::target
