#include "target/store/nbd_store.h"

#include <libnbd.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "proto/codes.h"
#include "target/store/trim_ranges.h"

namespace aoe::target {
namespace {

constexpr Duration retry_interval = std::chrono::seconds(1);
/// A command of the protocol covers less than 4 GiB.
constexpr std::uint64_t trim_size_max = 1 << 30;
constexpr std::int64_t physical_sector_size_max = 4096;

/// Returns libnbd's text on the call that failed last, without the name of the call.
std::string last_trouble() {
  const char* const text = ::nbd_get_error();
  if (text == nullptr) return "the connection is lost";
  const std::string_view message(text);
  const std::size_t name = message.find(": ");
  return std::string(message.starts_with("nbd_") && name != std::string_view::npos
                         ? message.substr(name + 2)
                         : message);
}

}  // namespace

/// An operation under way.
class NbdStore::Command {
 public:
  explicit Command(NbdStore& store) : store_(store) {}

  nbd_completion_callback completion() {
    return {.callback = completed, .user_data = this, .free = nullptr};
  }

  Operation* operation = nullptr;    // null where it is idle
  std::optional<TrimRanges> ranges;  // of a trim, still to be sent
  std::uint64_t writes_before = 0;   // of a flush: it makes so many stable
  std::error_code error;
  bool is_finished = false;

 private:
  /// Called from within libnbd, where no function of libnbd may be called.
  static int completed(void* user_data, int* error) {
    auto& command = *static_cast<Command*>(user_data);
    NbdStore& store = command.store_;
    if (*error == 0 && command.operation->kind == Operation::Kind::write && !store.options_.sync &&
        store.can_flush_) {
      ++store.writes_;
    }
    if (*error == 0 && command.operation->kind == Operation::Kind::flush) {
      store.stable_ = std::max(store.stable_, command.writes_before);
    }
    store.finish(command, *error == 0 ? std::error_code{} : error_of(*error));
    return 1;  // and libnbd forgets it
  }

  NbdStore& store_;
};

void NbdStore::CloseHandle::operator()(nbd_handle* handle) const {
  ::nbd_close(handle);
}

NbdStore::NbdStore(const std::string& uri, const Options& options)
    : uri_(uri),
      options_(options),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  AOE_CHECK(epoll_.get() >= 0 && event_.get() >= 0);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = event_.get();
  AOE_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, event_.get(), &event) == 0);
}

NbdStore::~NbdStore() {
  AOE_CHECK(idle_.size() == commands_.size());
  // Tells the server that the connection is closed on purpose.
  if (state_ == State::connected) ::nbd_aio_disconnect(connection_.get(), 0);
}

tl::expected<std::unique_ptr<NbdStore>, std::string> NbdStore::open(const std::string& uri,
                                                                    const Options& options) {
  std::unique_ptr<NbdStore> store(new NbdStore(uri, options));
  const auto fail = [&](const std::string& why) { return tl::unexpected(uri + ": " + why); };
  const Instant deadline = monotonic_now() + options.timeout;
  store->connect();
  while (store->state_ == State::connecting) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - monotonic_now()).count();
    if (left <= 0) return fail("the server does not answer");
    pollfd poll{store->epoll_.get(), POLLIN, 0};
    ::poll(&poll, 1, static_cast<int>(left));
    store->reap();
  }
  if (store->state_ != State::connected) return fail(store->trouble_);
  return store;
}

void NbdStore::connect() {
  tried_at_ = options_.now();
  state_ = State::connecting;
  connection_.reset(::nbd_create());
  // Local files are keys for TLS, which the author of the URI may name. The buffer of a read that
  // fails is not looked at, so libnbd need not clear it.
  if (!connection_ || ::nbd_set_uri_allow_local_file(connection_.get(), true) != 0 ||
      ::nbd_set_pread_initialize(connection_.get(), false) != 0 ||
      ::nbd_aio_connect_uri(connection_.get(), uri_.c_str()) != 0) {
    return lose_connection(last_trouble());
  }
  follow_connection();
}

void NbdStore::follow_connection() {
  if (!connection_) return;
  if (::nbd_aio_is_dead(connection_.get()) == 1 || ::nbd_aio_is_closed(connection_.get()) == 1) {
    return lose_connection(trouble_);
  }
  if (state_ == State::connecting && ::nbd_aio_is_ready(connection_.get()) == 1) {
    if (const std::string why = examine(); !why.empty()) return lose_connection(why);
    state_ = State::connected;
  }
  watch_connection();
}

void NbdStore::watch_connection() {
  const int descriptor = ::nbd_aio_get_fd(connection_.get());
  const unsigned direction = ::nbd_aio_get_direction(connection_.get());
  epoll_event event{};
  if ((direction & LIBNBD_AIO_DIRECTION_READ) != 0) event.events |= EPOLLIN;
  if ((direction & LIBNBD_AIO_DIRECTION_WRITE) != 0) event.events |= EPOLLOUT;
  event.data.fd = descriptor;
  // While it connects, one socket may follow another under the same number.
  if (state_ == State::connected && descriptor == watched_ && event.events == watched_for_) return;
  watched_ = descriptor;
  watched_for_ = event.events;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, descriptor, &event) == 0) return;
  AOE_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) == 0);
}

void NbdStore::lose_connection(const std::string& why) {
  trouble_ = why;
  connection_.reset();
  state_ = State::gone;
  watched_ = -1;
  if (writes_ > stable_) has_lost_writes_ = true;
  for (const auto& command : commands_) {
    if (command->operation != nullptr && !command->is_finished) {
      finish(*command, error_of(ENOTCONN));
    }
  }
}

void NbdStore::try_again() {
  const Duration since = options_.now() - tried_at_;
  if (state_ == State::connecting && since >= options_.timeout) {
    lose_connection("the server does not answer");
  }
  if (state_ == State::gone && since >= retry_interval) connect();
}

std::string NbdStore::examine() {
  nbd_handle* const server = connection_.get();
  const std::int64_t size = ::nbd_get_size(server);
  if (size < 0) return last_trouble();
  if (export_size_ != 0 && std::cmp_not_equal(size, export_size_)) return "its size has changed";
  if (std::cmp_less(size, sector_size)) return "smaller than one sector";
  if (!options_.read_only && ::nbd_is_read_only(server) != 0) return "read-only there";
  if (options_.sync && ::nbd_can_fua(server) != 1) {
    return "the server cannot make single writes stable (FUA), as sync needs it";
  }
  const std::int64_t block_size = ::nbd_get_block_size(server, LIBNBD_SIZE_MINIMUM);
  if (std::cmp_greater(block_size, sector_size)) {
    return fmt::format("needs blocks of {} bytes", block_size);
  }
  can_flush_ = ::nbd_can_flush(server) == 1;
  if (export_size_ != 0) return {};

  export_size_ = static_cast<std::uint64_t>(size);
  range_ = {0, export_size_ / sector_size * sector_size};
  traits_.can_trim = !options_.read_only && ::nbd_can_trim(server) == 1;
  const auto preferred = static_cast<std::uint64_t>(std::clamp<std::int64_t>(
      ::nbd_get_block_size(server, LIBNBD_SIZE_PREFERRED), sector_size, physical_sector_size_max));
  if (std::has_single_bit(preferred)) {
    traits_.physical_sector_size = static_cast<std::uint32_t>(preferred);
  }
  return {};
}

StoreTraits NbdStore::traits() const {
  StoreTraits traits = traits_;
  if ((range_.offset | range_.length) % traits.physical_sector_size != 0) {
    traits.physical_sector_size = sector_size;
  }
  return traits;
}

void NbdStore::start(Operation& operation) {
  if (state_ != State::connected) try_again();
  if (idle_.empty()) {
    commands_.push_back(std::make_unique<Command>(*this));
    idle_.push_back(commands_.back().get());
  }
  Command& command = *idle_.back();
  idle_.pop_back();
  command.operation = &operation;
  command.is_finished = false;
  command.ranges.reset();
  if (operation.kind == Operation::Kind::trim && traits_.can_trim) {
    command.ranges.emplace(operation.from, trim_size_max);
  }
  if (const auto error = issue(command)) finish(command, error);
  follow_connection();
  // The connection may have nothing to read: the eventfd has the loop call reap().
  if (!finished_.empty()) ::eventfd_write(event_.get(), 1);
}

std::error_code NbdStore::issue(Command& command) {
  if (state_ != State::connected) return error_of(ENOTCONN);
  Operation& operation = *command.operation;
  nbd_handle* const server = connection_.get();
  const std::uint64_t offset = range_.offset + operation.offset;
  const auto sent = [](std::int64_t cookie) {
    if (cookie >= 0) return std::error_code{};
    const int number = ::nbd_get_errno();
    return error_of(number != 0 ? number : EIO);
  };
  switch (operation.kind) {
    case Operation::Kind::read:
      AOE_CHECK(operation.offset <= size() && operation.into.size() <= size() - operation.offset);
      return sent(::nbd_aio_pread(server, operation.into.data(), operation.into.size(), offset,
                                  command.completion(), 0));
    case Operation::Kind::write:
      AOE_CHECK(operation.offset <= size() && operation.from.size() <= size() - operation.offset);
      return sent(::nbd_aio_pwrite(server, operation.from.data(), operation.from.size(), offset,
                                   command.completion(), options_.sync ? LIBNBD_CMD_FLAG_FUA : 0));
    case Operation::Kind::flush:
      if (has_lost_writes_) return error_of(EIO);
      if (!can_flush_) break;
      command.writes_before = writes_;
      return sent(::nbd_aio_flush(server, command.completion(), 0));
    case Operation::Kind::trim:
      if (!command.ranges) break;
      if (const auto range = command.ranges->next()) {
        return sent(::nbd_aio_trim(server, range->length, range_.offset + range->offset,
                                   command.completion(), 0));
      }
      command.ranges.reset();
      break;
  }
  finish(command, {});
  return {};
}

void NbdStore::finish(Command& command, std::error_code error) {
  command.is_finished = true;
  command.error = error;
  finished_.push_back(&command);
}

void NbdStore::reap() {
  eventfd_t count = 0;
  ::eventfd_read(event_.get(), &count);
  // libnbd takes one reply at a time.
  for (int replies = 0; replies < 64 && connection_; ++replies) {
    pollfd poll{watched_, 0, 0};
    if ((watched_for_ & EPOLLIN) != 0) poll.events |= POLLIN;
    if ((watched_for_ & EPOLLOUT) != 0) poll.events |= POLLOUT;
    if (::poll(&poll, 1, 0) <= 0) break;
    const bool reads = (watched_for_ & EPOLLIN) != 0 && (poll.revents & ~POLLOUT) != 0;
    const int result = reads ? ::nbd_aio_notify_read(connection_.get())
                             : ::nbd_aio_notify_write(connection_.get());
    if (result != 0) trouble_ = last_trouble();
    follow_connection();
  }
  deliver();
}

void NbdStore::deliver() {
  std::swap(delivered_, finished_);
  for (Command* const command : delivered_) {
    Operation& operation = *command->operation;
    if (command->ranges && !command->error) {
      command->is_finished = false;
      if (const auto error = issue(*command)) finish(*command, error);
      continue;
    }
    command->operation = nullptr;
    idle_.push_back(command);
    ++operations_finished_;
    operation.done(command->error);
  }
  delivered_.clear();
  follow_connection();
  if (!finished_.empty()) ::eventfd_write(event_.get(), 1);
}

void NbdStore::wait() {
  for (const auto before = operations_finished_; operations_finished_ == before;) {
    pollfd poll{epoll_.get(), POLLIN, 0};
    ::poll(&poll, 1, -1);
    reap();
  }
}

}  // namespace aoe::target
