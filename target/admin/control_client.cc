#include "target/admin/control_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace aoe::target {
namespace {

using Clock = std::chrono::steady_clock;
using Trouble = tl::unexpected<std::string>;

// Far more than the report of a large target: limits what another program may send.
constexpr std::size_t reply_size_max = 64 << 20;

class Connection {
 public:
  Connection(std::string path, Duration timeout)
      : path_(std::move(path)), deadline_(Clock::now() + timeout) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (fd_ >= 0) ::close(fd_);
  }

  tl::expected<void, std::string> open() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.empty() || path_.size() >= sizeof address.sun_path) {
      return Trouble(fmt::format("'{}': no path of a socket", path_));
    }
    std::ranges::copy(path_, address.sun_path);
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) return failed();
    // connect() on a Unix socket succeeds or fails at once.
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return {};
    return failed();
  }

  /// A broken pipe is not a failure: a target that refuses a line before it has read it all has
  /// sent its reply.
  tl::expected<void, std::string> send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t size = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(size));
      } else if (errno == EPIPE) {
        return {};
      } else if (errno == EAGAIN) {
        if (auto waited = wait(POLLOUT); !waited) return waited;
      } else if (errno != EINTR) {
        return failed();
      }
    }
    return {};
  }

  tl::expected<std::string, std::string> receive_line() {
    std::string line;
    std::array<char, 65536> bytes;
    while (line.size() < reply_size_max) {
      const ssize_t size = ::recv(fd_, bytes.data(), bytes.size(), 0);
      if (size == 0) return Trouble(path_ + ": the connection ended before the reply");
      if (size > 0) {
        const std::string_view got(bytes.data(), static_cast<std::size_t>(size));
        const std::size_t end = got.find('\n');
        line += got.substr(0, end);
        if (end != std::string_view::npos) return line;
      } else if (errno == EAGAIN) {
        if (auto waited = wait(POLLIN); !waited) return Trouble(waited.error());
      } else if (errno != EINTR) {
        return Trouble(failed().value());
      }
    }
    return Trouble(path_ + ": the reply has no end");
  }

 private:
  tl::expected<void, std::string> wait(short events) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    pollfd poll{fd_, events, 0};
    const int ready =
        ::poll(&poll, 1, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, INT32_MAX)));
    if (ready == 0) return Trouble(path_ + ": no reply in time");
    if (ready < 0 && errno != EINTR) return failed();
    return {};
  }

  Trouble failed() const {
    return Trouble(fmt::format("{}: {}", path_, std::generic_category().message(errno)));
  }

  const std::string path_;
  const Clock::time_point deadline_;
  int fd_ = -1;
};

}  // namespace

tl::expected<std::string, std::string> ask_target(const std::string& socket,
                                                  const std::string& line, Duration timeout) {
  Connection connection(socket, timeout);
  return connection.open().and_then([&] { return connection.send(line + '\n'); }).and_then([&] {
    return connection.receive_line();
  });
}

int run_control(const ControlArguments& arguments, std::FILE* out, std::FILE* errors) {
  const auto line =
      ask_target(arguments.socket, request_line(arguments.request), arguments.timeout);
  const auto text = line.and_then(parse_reply);
  const bool is_shown = line && (text || arguments.json);  // programs read errors as JSON, too
  if (is_shown) {
    const std::string shown = arguments.json ? *line + '\n' : *text;
    std::fwrite(shown.data(), 1, shown.size(), out);
    if (std::fflush(out) != 0) {
      fmt::print(errors, "aoe-target: {}\n", std::generic_category().message(errno));
      return 1;
    }
  }
  if (!text) fmt::print(errors, "aoe-target: {}\n", escaped(text.error()));
  return text ? 0 : 1;
}

}  // namespace aoe::target
