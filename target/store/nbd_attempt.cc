#include "target/store/nbd_attempt.h"

#include <libnbd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/descriptor.h"
#include "base/privileges.h"

namespace aoe::target {
namespace {

/// How long the first connection may take for others to be wanted, and each of those.
constexpr Duration quick = std::chrono::seconds(1);

/// Has the kernel notice that the host at the other end is gone, also while nothing is sent. Has no
/// effect on a Unix socket.
void watch_host(int socket) {
  constexpr int on = 1;
  constexpr int idle_s = 5;
  constexpr int interval_s = 5;
  constexpr int probes = 3;
  constexpr unsigned unacknowledged_ms = 20'000;
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof unacknowledged_ms);
}

short events_of(nbd_handle* handle) {
  const unsigned direction = ::nbd_aio_get_direction(handle);
  int events = 0;
  if ((direction & LIBNBD_AIO_DIRECTION_READ) != 0) events |= POLLIN;
  if ((direction & LIBNBD_AIO_DIRECTION_WRITE) != 0) events |= POLLOUT;
  return static_cast<short>(events);
}

}  // namespace

void CloseNbd::operator()(nbd_handle* handle) const {
  ::nbd_close(handle);
}

std::string last_nbd_trouble() {
  const char* const text = ::nbd_get_error();
  if (text == nullptr) return "the connection is lost";
  const std::string_view message(text);
  const std::size_t name = message.find(": ");
  return std::string(message.starts_with("nbd_") && name != std::string_view::npos
                         ? message.substr(name + 2)
                         : message);
}

tl::expected<NbdHandle, std::string> dial_nbd(const std::string& uri) {
  NbdHandle handle(::nbd_create());
  // Local files are keys for TLS, which the author of the URI may name. The buffer of a read that
  // fails is not looked at, so libnbd need not clear it. A structured reply to a read takes twice
  // the system calls of a simple one, and says nothing that is of use here.
  if (!handle || ::nbd_set_uri_allow_local_file(handle.get(), true) != 0 ||
      ::nbd_set_pread_initialize(handle.get(), false) != 0 ||
      ::nbd_set_request_structured_replies(handle.get(), false) != 0 ||
      ::nbd_aio_connect_uri(handle.get(), uri.c_str()) != 0) {
    return tl::unexpected(last_nbd_trouble());
  }
  return handle;
}

/// What the owner and the thread both use, until the last of them leaves.
struct NbdAttempt::Shared {
  Shared(std::string server, Options chosen)
      : uri(std::move(server)),
        options(std::move(chosen)),
        over(::eventfd(0, EFD_CLOEXEC)),
        given_up(::eventfd(0, EFD_CLOEXEC)) {}

  /// Notes whether the thread may block for long from here on. Returns false if the owner has given
  /// the try up.
  bool go_on(bool blocking) {
    const std::lock_guard lock(guard);
    may_block = blocking;
    return !is_given_up;
  }

  void finish(Result found) {
    const std::lock_guard lock(guard);
    result = std::move(found);
    ::eventfd_write(over.get(), 1);
  }

  Result connect_all();
  tl::expected<NbdHandle, std::string> connect(Duration timeout);

  const std::string uri;
  const Options options;
  const Descriptor over;      // an eventfd: the result is there
  const Descriptor given_up;  // an eventfd: the thread shall end
  std::mutex guard;           // of what follows
  bool is_given_up = false;
  bool may_block = false;
  Result result;
};

NbdAttempt::NbdAttempt(std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)), thread_([its = shared_] { its->finish(its->connect_all()); }) {}

tl::expected<std::unique_ptr<NbdAttempt>, std::string> NbdAttempt::begin(const std::string& uri,
                                                                         const Options& options) {
  auto shared = std::make_shared<Shared>(uri, options);
  if (shared->over.get() < 0 || shared->given_up.get() < 0) {
    return tl::unexpected(text_with_descriptor_limit(last_error()));
  }
  try {
    return std::unique_ptr<NbdAttempt>(new NbdAttempt(std::move(shared)));
  } catch (const std::system_error& error) {
    return tl::unexpected("starting a thread: " + error.code().message());
  }
}

NbdAttempt::~NbdAttempt() {
  bool is_blocked = false;
  {
    const std::lock_guard lock(shared_->guard);
    shared_->is_given_up = true;
    is_blocked = shared_->may_block;
  }
  ::eventfd_write(shared_->given_up.get(), 1);
  if (is_blocked) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

int NbdAttempt::descriptor() const {
  return shared_->over.get();
}

NbdAttempt::Result NbdAttempt::take() {
  const std::lock_guard lock(shared_->guard);
  return std::move(shared_->result);
}

NbdAttempt::Result NbdAttempt::Shared::connect_all() {
  const Instant began = monotonic_now();
  auto first = connect(options.timeout);
  if (!first) return tl::unexpected(first.error());
  // A server that is slow to reach serves by its first connection rather than later by several.
  const bool may_have_more =
      monotonic_now() - began < quick && ::nbd_can_multi_conn(first->get()) == 1;
  std::vector<NbdHandle> handles;
  handles.push_back(*std::move(first));
  while (may_have_more && handles.size() < options.connections_max) {
    auto next = connect(std::min(options.timeout, quick));
    if (!next) break;  // the server limits their number
    handles.push_back(*std::move(next));
  }
  return handles;
}

tl::expected<NbdHandle, std::string> NbdAttempt::Shared::connect(Duration timeout) {
  const auto abandoned = [] { return tl::unexpected(std::string("given up")); };
  if (!go_on(true)) return abandoned();
  auto dialled = options.dial(uri);
  if (!go_on(false)) return abandoned();
  if (!dialled) return dialled;
  nbd_handle* const handle = dialled->get();
  const Instant deadline = monotonic_now() + timeout;
  std::string trouble = "the connection is lost";
  while (::nbd_aio_is_connecting(handle) == 1) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - monotonic_now()).count();
    if (left <= 0) return tl::unexpected(std::string("the server does not answer"));
    std::array<pollfd, 2> polls{
        {{::nbd_aio_get_fd(handle), events_of(handle), 0}, {given_up.get(), POLLIN, 0}}};
    if (::poll(polls.data(), polls.size(), static_cast<int>(left)) <= 0) continue;
    if (polls[1].revents != 0) return abandoned();
    const bool reads = (polls[0].events & POLLIN) != 0 && (polls[0].revents & ~POLLOUT) != 0;
    const int result = reads ? ::nbd_aio_notify_read(handle) : ::nbd_aio_notify_write(handle);
    if (result != 0) trouble = last_nbd_trouble();
  }
  if (::nbd_aio_is_ready(handle) != 1) return tl::unexpected(trouble);
  watch_host(::nbd_aio_get_fd(handle));
  return dialled;
}

}  // namespace aoe::target
