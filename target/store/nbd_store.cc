#include "target/store/nbd_store.h"

#include <libnbd.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/privileges.h"
#include "proto/codes.h"
#include "target/store/trim_ranges.h"

namespace aoe::target {
namespace {

/// A command of the protocol covers less than 4 GiB.
constexpr std::uint64_t trim_size_max = 1 << 30;
constexpr std::int64_t physical_sector_size_max = 4096;

bool is_dead(nbd_handle* connection) {
  return ::nbd_aio_is_dead(connection) == 1 || ::nbd_aio_is_closed(connection) == 1;
}

bool is_readable(int descriptor, Duration patience = {}) {
  pollfd poll{descriptor, POLLIN, 0};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
  return ::poll(&poll, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) == 1;
}

}  // namespace

/// An operation under way.
class NbdStore::Command {
 public:
  explicit Command(NbdStore& store) : store_(store) {}

  nbd_completion_callback completion() {
    return {.callback = completed, .user_data = this, .free = nullptr};
  }
  bool is_under_way() const { return operation != nullptr && !is_finished; }

  Operation* operation = nullptr;    // null where it is idle
  std::uint64_t number = 0;          // in the order of start()
  std::optional<TrimRanges> ranges;  // of a trim, still to be sent
  std::uint64_t writes_before = 0;   // of a flush: it makes so many stable
  std::vector<Command*> followers;   // writes that say the same, and are done with this one
  bool is_follower = false;
  std::error_code error;
  bool is_finished = false;

 private:
  /// Called from within libnbd, where no function of libnbd may be called.
  static int completed(void* user_data, int* error) {
    constexpr int forget_it = 1;
    auto& command = *static_cast<Command*>(user_data);
    NbdStore& store = command.store_;
    if (*error == ESHUTDOWN) store.is_shutting_down_ = true;
    if (*error == ESHUTDOWN || *error == ENOTCONN) return forget_it;  // the command waits
    store.has_answered_ = true;
    if (*error == 0 && command.operation->kind == Operation::Kind::write && !store.options_.sync &&
        store.can_flush_) {
      ++store.writes_;
    }
    if (*error == 0 && command.operation->kind == Operation::Kind::flush) {
      store.stable_ = std::max(store.stable_, command.writes_before);
    }
    store.finish(command, *error == 0 ? std::error_code{} : error_of(*error));
    return forget_it;
  }

  NbdStore& store_;
};

NbdStore::NbdStore(const std::string& uri, const Options& options)
    : uri_(uri),
      options_(options),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (!has_descriptors()) return;
  watch(event_.get());
  watch(timer_.get());
}

NbdStore::~NbdStore() {
  AOE_CHECK(idle_.size() == commands_.size());
  // Tells the server that the connections are closed on purpose.
  for (const Connection& connection : connections_) {
    ::nbd_aio_disconnect(connection.handle.get(), 0);
  }
}

tl::expected<std::unique_ptr<NbdStore>, std::string> NbdStore::open(const std::string& uri,
                                                                    const Options& options) {
  std::unique_ptr<NbdStore> store(new NbdStore(uri, options));
  const auto fail = [&](const std::string& why) { return tl::unexpected(uri + ": " + why); };
  if (!store->has_descriptors()) return fail(text_with_descriptor_limit(last_error()));
  if (const auto begun = store->begin_attempt(); !begun) return fail(begun.error());
  if (!is_readable(store->attempt_->descriptor(), options.timeout)) {
    return fail("the server does not answer");
  }
  if (const std::string why = store->end_attempt(); !why.empty()) return fail(why);
  store->has_answered_ = true;
  return store;
}

// Connections.

void NbdStore::watch(int descriptor) const {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = descriptor;
  AOE_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) == 0);
}

tl::expected<void, std::string> NbdStore::begin_attempt() {
  auto attempt = NbdAttempt::begin(uri_, options_.attempt);
  if (!attempt) return tl::unexpected(attempt.error());
  attempt_ = *std::move(attempt);
  watch(attempt_->descriptor());
  return {};
}

void NbdStore::try_now() {
  try_again_.reset();
  if (begin_attempt()) {
    set_timer();
  } else {
    try_later();
  }
}

std::string NbdStore::end_attempt() {
  const std::unique_ptr<NbdAttempt> attempt = std::move(attempt_);
  // Its thread may keep the descriptor open a moment longer.
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, attempt->descriptor(), nullptr);
  auto result = attempt->take();
  if (!result) return result.error();
  for (const NbdHandle& handle : *result) {
    if (std::string why = examine(handle.get()); !why.empty()) return why;
  }
  for (NbdHandle& handle : *result) {
    const int descriptor = ::nbd_aio_get_fd(handle.get());
    connections_.push_back({std::move(handle), descriptor});
    watch_connection(connections_.back());
  }
  state_ = State::connected;
  connected_at_ = monotonic_now();
  has_answered_ = false;
  set_timer();
  send_what_waited();
  return {};
}

void NbdStore::try_later() {
  retry_interval_ = std::clamp(2 * retry_interval_, options_.retry_min, options_.retry_max);
  try_again_ = monotonic_now() + retry_interval_;
  set_timer();
}

std::string NbdStore::examine(nbd_handle* server) {
  const std::int64_t size = ::nbd_get_size(server);
  if (size < 0) return last_nbd_trouble();
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

void NbdStore::follow_connections() {
  bool is_lost = is_shutting_down_;
  for (Connection& connection : connections_) {
    if (!std::exchange(connection.is_touched, false)) continue;
    is_lost = is_lost || is_dead(connection.handle.get());
    if (!is_lost) watch_connection(connection);
  }
  if (is_lost) lose_connections();
}

void NbdStore::watch_connection(Connection& connection) {
  const unsigned direction = ::nbd_aio_get_direction(connection.handle.get());
  epoll_event event{};
  if ((direction & LIBNBD_AIO_DIRECTION_READ) != 0) event.events |= EPOLLIN;
  if ((direction & LIBNBD_AIO_DIRECTION_WRITE) != 0) event.events |= EPOLLOUT;
  event.data.fd = connection.descriptor;
  if (event.events == connection.watched_for) return;
  const int what = connection.watched_for == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  AOE_CHECK(::epoll_ctl(epoll_.get(), what, connection.descriptor, &event) == 0);
  connection.watched_for = event.events;
}

void NbdStore::lose_connections() {
  connections_.clear();
  is_shutting_down_ = false;
  if (writes_ > stable_) has_lost_writes_ = true;
  state_ = State::waiting;
  const Instant now = monotonic_now();
  if (std::exchange(has_answered_, false) || now - connected_at_ >= options_.hold) {
    hold_until_ = now + options_.hold;
    retry_interval_ = {};
  }
  if (retry_interval_ == Duration{}) {
    try_now();
  } else {
    try_later();
  }
}

void NbdStore::give_up(std::error_code error) {
  state_ = State::gone;
  gone_error_ = error;
  for (const auto& command : commands_) {
    if (command->is_under_way() && !command->is_follower) finish(*command, error);
  }
  set_timer();
}

void NbdStore::set_timer() {
  std::optional<Instant> next = try_again_;
  if (state_ == State::waiting) next = next ? std::min(*next, hold_until_) : hold_until_;
  itimerspec when{};
  if (next) {
    // An instant that is past already fires at once; 0 would stop the timer.
    const auto since = std::max(next->time_since_epoch(), Duration(1));
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    when.it_value.tv_sec = seconds.count();
    when.it_value.tv_nsec = (since - seconds).count();
  }
  AOE_CHECK(::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr) == 0);
}

void NbdStore::look_at_timer() {
  std::uint64_t times = 0;
  if (::read(timer_.get(), &times, sizeof times) < 0) return;
  const Instant now = monotonic_now();
  if (state_ == State::waiting && now >= hold_until_) give_up(error_of(ENOTCONN));
  if (try_again_ && now >= *try_again_) return try_now();
  set_timer();
}

// Operations.

StoreTraits NbdStore::traits() const {
  StoreTraits traits = traits_;
  if ((range_.offset | range_.length) % traits.physical_sector_size != 0) {
    traits.physical_sector_size = sector_size;
  }
  return traits;
}

void NbdStore::start(Operation& operation) {
  if (idle_.empty()) {
    const std::size_t number = commands_.size() + 1;
    for (auto* const list : {&idle_, &finished_, &delivered_}) list->reserve(number);
    commands_.push_back(std::make_unique<Command>(*this));
    idle_.push_back(commands_.back().get());
  }
  Command& command = *idle_.back();
  idle_.pop_back();
  command.operation = &operation;
  command.number = ++operations_started_;
  command.ranges.reset();
  command.is_finished = false;
  command.is_follower = false;
  begin(command);
  follow_connections();
  // No connection may have anything to read: the eventfd has the loop call reap().
  if (!finished_.empty()) ::eventfd_write(event_.get(), 1);
}

void NbdStore::begin(Command& command) {
  switch (state_) {
    case State::connected: {
      const Operation& operation = *command.operation;
      if (operation.kind == Operation::Kind::trim && traits_.can_trim) {
        command.ranges.emplace(operation.from, trim_size_max);
      }
      return issue(command);
    }
    case State::waiting: return;
    case State::gone: return finish(command, gone_error_);
  }
}

std::string NbdStore::trouble() const {
  if (state_ == State::connected) return {};
  return uri_ + ": the server is lost, and tried again";
}

void NbdStore::submit() {
  ++turn_;
}

void NbdStore::send_what_waited() {
  std::vector<Command*> waiting;
  for (const auto& command : commands_) {
    if (command->is_under_way() && !command->is_follower) waiting.push_back(command.get());
  }
  std::ranges::sort(waiting, {}, [](const Command* command) { return command->number; });
  std::map<std::pair<std::uint64_t, std::size_t>, Command*> writes;
  for (Command* const command : waiting) {
    const Operation& operation = *command->operation;
    if (operation.kind == Operation::Kind::write) {
      Command*& before = writes[{operation.offset, operation.from.size()}];
      if (before != nullptr && std::ranges::equal(before->operation->from, operation.from)) {
        command->is_follower = true;
        before->followers.push_back(command);
        continue;
      }
      before = command;
    }
    ++turn_;
    begin(*command);
  }
}

void NbdStore::issue(Command& command) {
  Connection& connection = connections_[turn_ % connections_.size()];
  connection.is_touched = true;
  const std::error_code error = issue_to(connection.handle.get(), command);
  if (error && !is_dead(connection.handle.get())) finish(command, error);
}

std::error_code NbdStore::issue_to(nbd_handle* server, Command& command) {
  Operation& operation = *command.operation;
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
  for (Command* const follower : command.followers) finish(*follower, error);
  command.followers.clear();
}

void NbdStore::reap() {
  eventfd_t count = 0;
  ::eventfd_read(event_.get(), &count);
  if (state_ != State::connected) look_at_timer();
  if (attempt_ && is_readable(attempt_->descriptor()) && !end_attempt().empty()) try_later();
  // libnbd takes one reply at a time.
  for (int rounds = 0; rounds < 64 && !connections_.empty(); ++rounds) {
    polls_.clear();
    for (const Connection& connection : connections_) {
      pollfd poll{connection.descriptor, 0, 0};
      if ((connection.watched_for & EPOLLIN) != 0) poll.events |= POLLIN;
      if ((connection.watched_for & EPOLLOUT) != 0) poll.events |= POLLOUT;
      polls_.push_back(poll);
    }
    if (::poll(polls_.data(), polls_.size(), 0) <= 0) break;
    for (std::size_t i = 0; i < polls_.size(); ++i) {
      if (polls_[i].revents == 0) continue;
      nbd_handle* const server = connections_[i].handle.get();
      connections_[i].is_touched = true;
      const bool reads = (polls_[i].events & POLLIN) != 0 && (polls_[i].revents & ~POLLOUT) != 0;
      if (reads) {
        ::nbd_aio_notify_read(server);
      } else {
        ::nbd_aio_notify_write(server);
      }
    }
    follow_connections();
  }
  deliver();
}

void NbdStore::deliver() {
  std::swap(delivered_, finished_);
  for (Command* const command : delivered_) {
    Operation& operation = *command->operation;
    if (command->ranges && !command->error) {
      command->is_finished = false;
      if (state_ == State::connected) {
        issue(*command);
      } else {
        begin(*command);
      }
      continue;
    }
    command->operation = nullptr;
    idle_.push_back(command);
    ++operations_finished_;
    operation.done(command->error);
  }
  delivered_.clear();
  follow_connections();
  if (!finished_.empty()) ::eventfd_write(event_.get(), 1);
}

void NbdStore::wait() {
  const Instant deadline = monotonic_now() + options_.silence_max;
  for (const auto before = operations_finished_; operations_finished_ == before;) {
    const Duration left = deadline - monotonic_now();
    if (left > Duration{}) {
      is_readable(epoll_.get(), left);
    } else {
      if (state_ == State::connected) lose_connections();
      give_up(error_of(ETIMEDOUT));
    }
    reap();
  }
}

}  // namespace aoe::target
