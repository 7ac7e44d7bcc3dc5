#include "target/service/worker.h"

#include <algorithm>
#include <chrono>
#include <future>

#include <fmt/format.h>

#include "base/check.h"

namespace aoe::target {
namespace {

/// Frames of one port that are handled before other ports have their turn.
constexpr std::size_t frames_per_turn = 4 * batch_size;

/// Receive queues among which sources are spread, so that a flood fills only one of them.
constexpr int lanes = 8;

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
  PortCounters logged;  // when its losses were logged last
};

/// The store of a removed LUN, until its data is stable.
struct Worker::Retirement {
  std::string path;
  std::unique_ptr<Store> store;
  AwaitedOperation flush;
};

Worker::Worker(const World& world, unsigned share, unsigned shares, PollLoop::Idle idle)
    : world_(world),
      share_(share),
      loop_(idle),
      queue_(make_disk_queue()),
      service_(monotonic_now, world.state != nullptr ? this : nullptr),
      live_ports_(loop_, *this, port_options(share, shares)) {
  service_.send_from_store(world.recording == nullptr);
  service_.trace(world.trace);
  service_.on_trouble([this](ServedLun& lun, const PendingReply& pending, std::error_code error) {
    log_failure(lun, pending, error);
  });
  service_.on_change(
      [this](ServedLun& lun, const Frame& request) { log_change(lun, change_by(request)); });
  loop_.watch(queue_->descriptor(), [this] {
    queue_->reap();
    service_.settle();
    close_retired();
  });
}

Worker::~Worker() {
  AOE_CHECK(!thread_.joinable());
}

// The thread.

tl::expected<void, std::string> Worker::open_ports() {
  return live_ports_.open(patterns());
}

void Worker::start() {
  thread_ = std::thread([this] { loop_.run(); });
}

void Worker::ask(const std::function<void()>& task) {
  if (!thread_.joinable()) return task();
  std::promise<void> done;
  post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

std::vector<std::string> Worker::stop() {
  if (thread_.joinable()) {
    loop_.stop();
    thread_.join();
  }
  std::vector<std::string> failures;
  while (!service_.luns().empty()) {
    const ServedLun& served = *service_.luns().front();
    const std::string path = served.definition.store.path;
    const std::unique_ptr<Store> store = take_out(served.lun.address());
    if (const auto error = flush_and_wait(*store)) {
      failures.push_back(fmt::format("{}: flushing: {}", path, error.message()));
    }
  }
  for (const auto& retired : retiring_) {
    while (!retired->flush.result) retired->store->wait();
  }
  close_retired();
  return failures;
}

// LUNs.

void Worker::add(std::unique_ptr<ServedLun> lun) {
  Store* const store = lun->store.get();
  service_.add(std::move(lun));
  if (store->descriptor() >= 0) {
    loop_.watch(store->descriptor(), [this, store] {
      store->reap();
      service_.settle();
    });
  }
}

std::unique_ptr<Store> Worker::take_out(Address address) {
  auto store = service_.remove(address);
  if (store->descriptor() >= 0) loop_.unwatch(store->descriptor());
  return store;
}

void Worker::remove(Address address) {
  auto retired = std::make_unique<Retirement>();
  retired->path = service_.find(address)->definition.store.path;
  retired->store = take_out(address);
  Store& store = *retired->store;
  AwaitedOperation& flush = retired->flush;
  flush.kind = Operation::Kind::flush;
  store.start(flush);
  store.submit();
  // The loop no longer watches a store with a descriptor of its own.
  while (store.descriptor() >= 0 && !flush.result) store.wait();
  retiring_.push_back(std::move(retired));
  close_retired();
}

void Worker::close_retired() {
  std::erase_if(retiring_, [this](const auto& retired) {
    const auto& result = retired->flush.result;
    if (result && *result) {
      world_.log(LogLevel::error,
                 fmt::format("{}: flushing: {}", retired->path, result->message()));
    }
    return result.has_value();
  });
}

std::vector<std::string> Worker::patterns() const {
  std::vector<std::string> all;
  for (const auto& served : service_.luns()) {
    const auto& interfaces = served->definition.interfaces;
    if (interfaces.empty()) all.emplace_back("*");
    all.insert(all.end(), interfaces.begin(), interfaces.end());
  }
  std::ranges::sort(all);
  // Not std::ranges::unique: clang 14 can't compile the subrange of this library.
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

void Worker::follow(const std::vector<Address>& to_announce) {
  live_ports_.change(patterns());
  service_.admit_again();
  for (const Address address : to_announce) service_.announce(address);
}

void Worker::save(Address lun, const LunState& state, Done done) {
  world_.background->post([this, lun, state, done = std::move(done)] {
    const std::error_code error = world_.state->save(lun, state);
    loop_.post([this, lun, done, error] {
      if (ServedLun* const served = service_.find(lun); served != nullptr && error) {
        log_limited(served->failures, LogLevel::error, [&] {
          return fmt::format("{}: saving what a client set: {}", lun, error.message());
        });
      }
      done(error);
    });
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
    return matches(port.interface(), lun.definition.interfaces);
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
  if (link.up) service_.announce(*ports_.at(&port).served);
}

void Worker::port_closing(PacketPort& port) {
  log_losses();
  service_.forget(*ports_.at(&port).served);
  ports_.erase(&port);
  if (share_ == 0) world_.log(LogLevel::info, fmt::format("{} is gone", port.interface().name));
}

void Worker::port_trouble(const std::string& what) {
  if (share_ == 0) world_.log(LogLevel::error, what);
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

void Worker::log_failure(ServedLun& lun, const PendingReply& pending, std::error_code error) {
  log_limited(lun.failures, LogLevel::error, [&] {
    const Operation::Kind kind = pending.command.kind;
    std::string place;
    if (kind == Operation::Kind::read || kind == Operation::Kind::write) {
      place = fmt::format(" of {} sectors at {}", pending.sectors, pending.lba);
    }
    return fmt::format("{}: {}: {}{}: {}", lun.lun.address(), lun.definition.store.path,
                       text(pending.command), place, error.message());
  });
}

void Worker::log_change(ServedLun& lun, const StateChange& change) {
  log_limited(lun.changes, LogLevel::info, [&] {
    return fmt::format("{}: {}", lun.lun.address(), describe(change, lun.lun.state()));
  });
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
  for (const auto& served : service_.luns()) {
    const auto say = [&](LineLimit& limit, LogLevel level, std::string_view what) {
      if (const auto others = limit.take_left_out(); others > 0) {
        world_.log(level, fmt::format("{}: {}: {} more", served->lun.address(), what, others));
      }
    };
    say(served->failures, LogLevel::error, "failures");
    say(served->changes, LogLevel::info, "changes");
  }
}

void Worker::report(TargetReport& report) const {
  for (const auto& served : service_.luns()) {
    report.luns.push_back({served->counters, served->definition, served->store_kind,
                           served->lun.options().sectors, served->lun.state()});
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
    found->EdgeCounters::add(service_.edge_counters(*open.served));
    const PortCounters counters = port->counters();
    for (const auto& field : port_counters) (*found).*field.value += counters.*field.value;
  }
}

}  // namespace aoe::target
