#include "target/service/worker.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace aoe::target {
namespace {

/// Frames of one port that are handled before other ports have their turn.
constexpr std::size_t frames_per_turn = 4 * batch_size;

/// Receive queues among which sources are spread, so that a flood fills only one of them.
constexpr int lanes = 8;

/// How long a request log is kept that nobody reads.
constexpr std::chrono::seconds request_log_patience{5};

PacketPort::Options port_options(unsigned share, unsigned shares) {
  PacketPort::Options options;
  options.lanes = lanes;
  options.share = share;
  options.shares = shares;
  return options;
}

}  // namespace

struct Worker::OpenPort {
  FramePort* served;  // the packet port, or the one that records it
  std::unique_ptr<RecordingPort> recording;
  PortCounters logged;             // when its losses were logged last
  PortCounters cleared = {};       // by clear_counters()
  EdgeCounters cleared_edge = {};  // the same
};

/// A removed LUN, until its disk is stable and closed: the flush of its disk.
struct Worker::Retirement final : Operation {
  Retirement(Worker& its_worker, std::string its_name, FormerLuns::Token its_images,
             Closed its_closed)
      : worker(its_worker),
        name(std::move(its_name)),
        images(std::move(its_images)),
        closed(std::move(its_closed)) {
    kind = Kind::flush;
  }
  void done(std::error_code its_error) override {
    error = its_error;
    worker.flushed_.push_back(this);
  }

  Worker& worker;
  std::string name;                      // "e0.2: disk.img"
  FormerLuns::Token images;              // that it uses, until its operations are done
  std::list<Retirement>::iterator self;  // its place
  std::unique_ptr<ServedLun> served;     // once its operations are done
  std::error_code error;
  std::thread closing;
  Closed closed;  // perhaps null
};

Worker::Worker(const World& world, unsigned share, unsigned shares, PollLoop::Idle idle)
    : world_(world),
      share_(share),
      loop_(idle),
      pause_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
      queue_(make_disk_queue()),
      service_(monotonic_now, world.state != nullptr ? this : nullptr, world.memory),
      live_ports_(loop_, *this, port_options(share, shares), Scope::outside, world.mtu_limits) {
  service_.send_from_store(world.recording == nullptr);
  service_.admit_wildcards(world.wildcards);
  service_.trace(world.trace);
  service_.on_trouble([this](ServedLun& lun, const PendingReply& pending, std::error_code error) {
    log_failure(lun, pending, error);
  });
  service_.on_change(
      [this](ServedLun& lun, const Frame& request) { log_change(lun, change_by(request)); });
  AOE_CHECK(pause_.get() >= 0);
  loop_.watch(pause_.get(), [this] {
    std::uint64_t times = 0;
    if (::read(pause_.get(), &times, sizeof times) == sizeof times) go_on();
  });
  loop_.watch(queue_->descriptor(), [this] {
    queue_->reap();
    settle();
  });
}

Worker::~Worker() {
  AOE_CHECK(!handover_.has_started());
}

// The thread.

tl::expected<void, std::string> Worker::open_ports(LivePorts::Missing missing) {
  const auto opened = live_ports_.open(wanted_interfaces(), missing);
  if (!opened) return tl::unexpected(opened.error().text);
  return {};
}

void Worker::start() {
  may_announce_ = true;
  for (const auto& [port, open] : ports_) {
    if (port->link().up) service_.announce(*open.served);
  }
  go_on();
  handover_.start({[this] { serve(); }, [this](Handover::Loan loan) { take_over(loan); },
                   [this](Handover::Loan loan) { returned(loan); }});
}

void Worker::serve() {
  service_.resume();
  // What a thread that was superseded may have left.
  queue_->reap();
  settle();
  go_on();
  loop_.run();
}

void Worker::take_over(Handover::Loan loan) {
  service_.take_over(loan);
  if (const auto interrupted = queue_->take_interrupted()) interrupted_.emplace(loan, *interrupted);
}

void Worker::returned(Handover::Loan loan) {
  loop_.post([this, loan] {
    handover_.end_wait(loan);
    service_.returned(loan);
    if (const auto found = interrupted_.find(loan); found != interrupted_.end()) {
      const DiskQueue::Delivery delivery = found->second;
      interrupted_.erase(found);
      queue_->deliver(delivery);
      queue_->submit();  // what that has started
    }
    settle();
  });
}

void Worker::ask(const std::function<void()>& task) {
  if (!handover_.has_started()) return task();
  const auto done = std::make_shared<std::promise<void>>();
  post([task, done] {
    try {
      task();
      done->set_value();
    } catch (const std::exception&) {  // no other: Handover's must pass
      done->set_exception(std::current_exception());
    }
  });
  done->get_future().get();
}

bool Worker::stop(std::chrono::milliseconds patience) {
  if (!handover_.has_started()) return all_stable_;
  std::promise<void> all_retired;
  ask([&] {
    std::vector<Address> addresses;
    for (const auto& [address, served] : service_.luns()) addresses.push_back(address);
    for (const Address address : addresses) remove(address);
    on_all_retired_ = [&] { all_retired.set_value(); };
    settle();
  });
  is_stuck_ = all_retired.get_future().wait_for(patience) != std::future_status::ready;
  ask([&] {
    on_all_retired_ = nullptr;
    for (const Retirement& retired : retiring_) {
      world_.log(
          LogLevel::error,
          fmt::format("{}: does not answer, so what was written last may be lost", retired.name));
      all_stable_ = false;
    }
  });
  loop_.stop();
  constexpr std::chrono::seconds moment{1};
  if (!handover_.wait_until_served(moment) || is_stuck_ || !handover_.end(moment)) is_stuck_ = true;
  return all_stable_;
}

// LUNs.

void Worker::add(std::unique_ptr<ServedLun> lun) {
  Store* const store = lun->store.get();
  lun->formers = world_.former->that_use(lun->images);
  service_.add(std::move(lun));
  if (store->descriptor() >= 0) {
    loop_.watch(store->descriptor(), [this, store] {
      store->reap();
      settle();
    });
  }
}

void Worker::remove(Address address, Closed closed) {
  const ServedLun& lun = *service_.find(address);
  Retirement& retired = retiring_.emplace_front(
      *this, fmt::format("{}: {}", address, lun.definition.store.written_path()),
      world_.former->enter(lun.images), std::move(closed));
  retired.self = retiring_.begin();
  service_.remove(address, [this, &retired](std::unique_ptr<ServedLun> served) {
    retired.served = std::move(served);
    retired.images.reset();
    if (const auto result = retired.served->store->try_now(retired)) return retired.done(*result);
    retired.served->store->start(retired);
    retired.served->store->submit();
  });
  settle();
}

void Worker::settle() {
  service_.settle();
  for (Retirement* const retired : std::exchange(flushed_, {})) close(*retired);
  if (retiring_.empty() && on_all_retired_) std::exchange(on_all_retired_, nullptr)();
}

/// Closes the disk of a removed LUN, on a thread of its own: that may take as long as the disk likes.
void Worker::close(Retirement& retired) {
  if (retired.error) {
    world_.log(LogLevel::error,
               fmt::format("{}: flushing: {}", retired.name, retired.error.message()));
    all_stable_ = false;
  }
  Store* const store = retired.served->store.get();
  if (store->descriptor() >= 0) loop_.unwatch(store->descriptor());
  if (store->try_now(retired)) return forget(retired);  // no disk
  try {
    retired.closing = std::thread([this, &retired] {
      retired.served.reset();
      loop_.post([this, &retired] {
        retired.closing.join();
        forget(retired);
        settle();
      });
    });
  } catch (const std::system_error&) {
    forget(retired);  // no thread is to be had
  }
}

/// Closes the disk unless that was done, and calls who waits for that.
void Worker::forget(Retirement& retired) {
  const Closed closed = std::move(retired.closed);
  const std::error_code error = retired.error;
  retiring_.erase(retired.self);
  if (closed) closed(error);
}

LivePorts::Wanted Worker::wanted_interfaces() const {
  std::set<std::string> all(kept_open_.patterns.begin(), kept_open_.patterns.end());
  bool defaults = kept_open_.defaults;
  for (const auto& [address, served] : service_.luns()) {
    const auto& interfaces = served->definition.interfaces;
    defaults |= interfaces.empty();
    all.insert(interfaces.begin(), interfaces.end());
  }
  return {.patterns = {all.begin(), all.end()}, .defaults = defaults};
}

void Worker::follow(const std::vector<Address>& to_announce) {
  live_ports_.change(wanted_interfaces());
  service_.admit_again();
  for (const Address address : to_announce) service_.announce(address);
  if (!is_going_on_) go_on();
}

void Worker::save(Address lun, const LunState& state, Done done) {
  const std::lock_guard lock(saves_guard_);
  const ServedLun* const served = service_.find(lun);
  AOE_CHECK(served != nullptr);
  saves_.push_back({lun, state, served->image});
  saves_done_.push_back(std::move(done));
  if (saves_.size() == 1) world_.background->post([this] { save_waiting(); });
}

void Worker::save_waiting() {
  std::vector<StateFiles::Saved> saves;
  std::vector<Done> saves_done;
  {
    const std::lock_guard lock(saves_guard_);
    saves.swap(saves_);
    saves_done.swap(saves_done_);
  }
  const auto errors = world_.state->save(saves);
  loop_.post([this, saves = std::move(saves), saves_done = std::move(saves_done), errors] {
    for (std::size_t i = 0; i < errors.size(); ++i) {
      const Address lun = saves[i].lun;
      if (ServedLun* const served = service_.find(lun); served != nullptr && errors[i]) {
        log_limited(served->failures, LogLevel::error, [&] {
          return fmt::format("{}: saving what a client set: {}: {}", lun, world_.state->path(lun),
                             errors[i].message());
        });
      }
      saves_done[i](errors[i]);
    }
  });
}

// Ports.

void Worker::port_opened(PacketPort& port) {
  OpenPort open{&port, nullptr, port.counters()};
  if (world_.recording != nullptr) {
    open.recording = std::make_unique<RecordingPort>(port, *world_.recording);
    open.served = open.recording.get();
  }
  FramePort& served = *open.served;
  ports_.emplace(&port, std::move(open));
  service_.attach(served, [&port](const ServedLun& lun) {
    return matches(port.interface(), lun.definition.interfaces, Scope::outside);
  });
  const PacketPort::Options wanted;
  if (share_ == 0 && port.receive_buffer() < wanted.receive_buffer) {
    world_.log(LogLevel::warning,
               fmt::format("{}: a receive buffer of {} KiB instead of {} (see net.core.rmem_max): "
                           "bursts may be lost",
                           port.interface().name, port.receive_buffer() >> 10,
                           wanted.receive_buffer >> 10));
  }
  port_changed(port);
}

void Worker::port_readable(PacketPort& port) {
  service_.serve(*ports_.at(&port).served, frames_per_turn);
  if (!has_room(port)) {
    live_ports_.pause(port);
    full_.push_back(&port);
  }
  if (!is_going_on_) go_on();
}

bool Worker::has_room(const PacketPort& port) {
  return port.room_for(reply_size_max(port.link().mtu)) > 0;
}

void Worker::go_on() {
  std::erase_if(full_, [this](PacketPort* port) {
    if (!has_room(*port)) return false;
    live_ports_.resume(*port);
    return true;
  });
  Service::Due due = service_.go_on();
  if (!full_.empty()) due = std::max(due, Service::Due::later);
  is_going_on_ = due != Service::Due::none;
  if (due == Service::Due::soon && !std::exchange(will_go_on_, true)) {
    loop_.post([this] {
      will_go_on_ = false;
      go_on();
    });
  }
  if (due == Service::Due::later) {
    itimerspec pause{};
    pause.it_value.tv_nsec = std::chrono::nanoseconds(std::chrono::milliseconds(1)).count();
    AOE_CHECK(::timerfd_settime(pause_.get(), 0, &pause, nullptr) == 0);
  }
}

void Worker::port_changed(PacketPort& port) {
  const Link link = port.link();
  if (share_ == 0) {  // one worker logs for all
    const std::string& name = port.interface().name;
    world_.log(LogLevel::info, link.up
                                   ? fmt::format("on {} ({}), MTU {}, {} sectors per frame", name,
                                                 link.mac, link.mtu, sectors_per_frame(link.mtu))
                                   : fmt::format("{} is down", name));
  }
  if (!link.up || !may_announce_) return;
  service_.announce(*ports_.at(&port).served);
  if (!is_going_on_) go_on();
}

void Worker::port_closing(PacketPort& port) {
  log_losses();
  service_.forget(*ports_.at(&port).served);
  std::erase(full_, &port);
  ports_.erase(&port);
  if (share_ == 0) world_.log(LogLevel::info, fmt::format("{} is gone", port.interface().name));
}

void Worker::port_trouble(const std::string& what) {
  world_.log(LogLevel::error, what);
}

void Worker::port_missing(const std::string& what) {
  if (share_ == 0) world_.log(LogLevel::warning, what);
}

void Worker::port_is_deaf(const std::string& what) {
  if (share_ == 0) world_.log(LogLevel::warning, what);
}

void Worker::interface_left_out(const std::string& what) {
  if (share_ == 0) world_.log(LogLevel::info, what);
}

// What an administrator should know.

void Worker::log_limited(LineLimit& limit, LogLevel level,
                         const std::function<std::string()>& line) {
  if (!limit.admits(monotonic_now())) return;
  std::string text = line();
  if (const auto others = limit.take_left_out(); others > 0) {
    text += fmt::format(" ({} more before)", others);
  }
  world_.log(level, text);
}

void Worker::log_wait(ServedLun& lun) {
  constexpr std::chrono::seconds long_time{10};
  const Instant now = monotonic_now();
  const bool is_stuck = std::ranges::any_of(
      lun.jobs, [&](const Job* job) { return job->is_started && now - job->received > long_time; });
  if (std::exchange(lun.is_said_stuck, is_stuck) == is_stuck) return;
  const std::string disk =
      fmt::format("{}: {}", lun.lun.address(), lun.definition.store.written_path());
  if (is_stuck) {
    world_.log(
        LogLevel::warning,
        fmt::format("{}: does not answer; the first of {} under way has waited for more than {} s",
                    disk, lun.jobs.size(), long_time.count()));
  } else {
    world_.log(LogLevel::info, fmt::format("{}: answers again", disk));
  }
}

void Worker::log_failure(ServedLun& lun, const PendingReply& pending, std::error_code error) {
  log_limited(lun.failures, LogLevel::error, [&] {
    const Operation::Kind kind = pending.command.kind;
    const StoreDefinition& store = lun.definition.store;
    std::string place;
    if (kind == Operation::Kind::read || kind == Operation::Kind::write) {
      place = fmt::format(" of {} sectors at {}", pending.sectors, pending.lba);
    }
    return fmt::format("{}: {}: {}{}: {}", lun.lun.address(),
                       kind == Operation::Kind::read ? store.path : store.written_path(),
                       text(pending.command), place, error.message());
  });
}

void Worker::log_change(ServedLun& lun, const StateChange& change) {
  log_limited(lun.changes, LogLevel::info, [&] {
    return fmt::format("{}: {}", lun.lun.address(), describe(change, lun.lun.state()));
  });
}

/// One by one, and frames have their turn in between.
void Worker::retry_ports() {
  if (live_ports_.retry()) loop_.post([this] { retry_ports(); });
}

void Worker::look_after() {
  retry_ports();
  log_losses();
  for (const auto& [address, served] : service_.luns()) {
    log_strangers(*served);
    log_trouble(*served);
    log_wait(*served);
    const auto& log = served->request_log;
    if (log && monotonic_now() - log->asked() > request_log_patience) served->request_log.reset();
  }
}

void Worker::log_trouble(ServedLun& lun) const {
  const std::string trouble = lun.store->trouble();
  const std::string before = std::exchange(lun.logged_trouble, trouble);
  if (trouble == before) return;
  const Address address = lun.lun.address();
  if (trouble.empty()) {
    world_.log(LogLevel::info, fmt::format("{}: over: {}", address, before));
  } else {
    world_.log(LogLevel::warning, fmt::format("{}: {}", address, trouble));
  }
}

void Worker::log_strangers(ServedLun& lun) const {
  const Instant now = monotonic_now();
  const Address address = lun.lun.address();
  const auto& silenced = lun.silenced;
  if (const auto count = lun.logged_silences.due(lun.counters.not_admitted(), now); count > 0) {
    world_.log(LogLevel::info, fmt::format("{}: {} requests not answered, the last from {}: {}",
                                           address, count, silenced.source, text(silenced.why)));
  }
  if (const auto count = lun.logged_foreign_answers.due(lun.counters.foreign_answers, now);
      count > 0) {
    world_.log(LogLevel::warning,
               fmt::format("{}: another target is at this address: {} responses, the last from {}",
                           address, count, *lun.other_target));
  }
}

void Worker::log_losses() {
  for (auto& [port, open] : ports_) {
    const PortCounters now = port->counters();
    const std::uint64_t unread = now.receive_dropped - open.logged.receive_dropped;
    const std::uint64_t unsent = now.send_dropped - open.logged.send_dropped;
    open.logged = now;
    if (unread + unsent == 0) continue;
    world_.log(LogLevel::warning,
               fmt::format("{}: {} frames lost before they were read, {} not sent",
                           port->interface().name, unread, unsent));
  }
  for (const auto& entry : service_.luns()) {
    ServedLun& served = *entry.second;
    const auto say = [&](LineLimit& limit, LogLevel level, std::string_view what) {
      if (const auto others = limit.take_left_out(); others > 0) {
        world_.log(level, fmt::format("{}: {}: {} more", served.lun.address(), what, others));
      }
    };
    say(served.failures, LogLevel::error, "failures");
    say(served.changes, LogLevel::info, "changes");
  }
}

void Worker::report(TargetReport& report, bool since_cleared) const {
  for (const auto& [address, served] : service_.luns()) {
    LunCounters its = served->counters;
    if (since_cleared) its.subtract(served->cleared);
    report.luns.push_back({its, served->definition, served->store_kind,
                           served->lun.options().sectors, served->lun.state(),
                           served->other_target});
  }
  for (const auto& [port, open] : ports_) {
    const std::string& name = port->interface().name;
    auto found = std::ranges::find(report.ports, name, &PortReport::interface);
    if (found == report.ports.end()) {
      found = report.ports.insert(found, PortReport{});
      found->interface = name;
      const Link link = port->link();
      found->mac = link.mac;
      found->mtu = link.mtu;
      found->up = link.up;
    }
    EdgeCounters edge = service_.edge_counters(*open.served);
    PortCounters counters = port->counters();
    if (since_cleared) {
      edge.subtract(open.cleared_edge);
      for (const auto& field : port_counters) counters.*field.value -= open.cleared.*field.value;
    }
    found->EdgeCounters::add(edge);
    for (const auto& field : port_counters) (*found).*field.value += counters.*field.value;
  }
}

void Worker::report(ClientsReport& report) const {
  const Instant now = monotonic_now();
  std::map<const FramePort*, std::string> names;
  for (const auto& [port, open] : ports_) names.emplace(open.served, port->interface().name);
  for (const Client& client : service_.clients().clients()) {
    const auto name = names.find(client.port);
    report.clients.push_back({client, client.mac, client.lun,
                              name == names.end() ? std::string() : name->second,
                              now - client.last_seen});
  }
  const ClientCounters& others = service_.clients().others();
  report.others.requests += others.requests;
  report.others.bytes_read += others.bytes_read;
  report.others.bytes_written += others.bytes_written;
  report.others.errors += others.errors;
  report.others.unanswered += others.unanswered;
}

void Worker::clear_counters() {
  for (const auto& [address, served] : service_.luns()) served->cleared = served->counters;
  for (auto& [port, open] : ports_) {
    open.cleared = port->counters();
    open.cleared_edge = service_.edge_counters(*open.served);
  }
  service_.forget_clients();
}

std::optional<RequestLog::Lines> Worker::request_lines(Address lun,
                                                       std::optional<std::uint64_t> from) {
  ServedLun* const served = service_.find(lun);
  if (served == nullptr) return std::nullopt;
  const Instant now = monotonic_now();
  if (!served->request_log) {
    // Where it was closed because a reader was away for long, that one begins again.
    served->request_log = std::make_unique<RequestLog>(now);
    from.reset();
  }
  return served->request_log->lines_from(from.value_or(served->request_log->next()), now);
}

}  // namespace aoe::target
