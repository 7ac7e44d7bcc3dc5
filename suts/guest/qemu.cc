#include "suts/guest/qemu.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>

#include "base/check.h"

namespace aoe::guest {

tl::expected<std::string, std::string> find_qemu() {
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path == nullptr ? "" : path) + ":/usr/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string candidate = folder + "/qemu-system-x86_64";
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return tl::unexpected(
      std::string("qemu-system-x86_64 is not installed: apt-get install --no-install-recommends "
                  "qemu-system-x86 gets it"));
}

std::filesystem::path own_folder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
}

Stream make_stream() {
  std::array<int, 2> ends{};
  AOE_CHECK(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
  ::fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

std::string receive(const Descriptor& stream, std::chrono::steady_clock::time_point deadline) {
  std::array<char, 4096> piece;
  pollfd polled{stream.get(), POLLIN, 0};
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  if (::poll(&polled, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) != 1) return {};
  const ssize_t got = ::read(stream.get(), piece.data(), piece.size());
  return {piece.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

bool write_all(const Descriptor& stream, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(stream.get(), bytes.data(), bytes.size());
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

Qemu::~Qemu() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

tl::expected<void, std::string> Qemu::start(std::vector<std::string> words) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nothing = ::open("/dev/null", O_RDONLY);
    if (::getppid() == parent && ::dup2(nothing, STDIN_FILENO) == STDIN_FILENO) {
      ::execv(arguments[0], arguments.data());
    }
    ::_exit(127);
  }
  if (pid_ < 0) return tl::unexpected(words[0] + ": " + last_error().message());
  return {};
}

}  // namespace aoe::guest
