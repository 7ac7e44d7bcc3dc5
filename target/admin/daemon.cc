#include "target/admin/daemon.h"

#include <fcntl.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include "base/check.h"
#include "base/privileges.h"
#include "base/signals_blocked.h"
#include "target/admin/config_file.h"
#include "target/admin/metrics.h"
#include "wire/interfaces.h"

namespace aoe::target {
namespace {

/// How often lost frames are logged and the watchdog of systemd is notified.
constexpr std::chrono::seconds look_after_interval{5};

/// Returns what a command of `ctl` changes, if it changes anything.
StateChange::What changed_by(ControlCommand command) {
  if (command == ControlCommand::mask) return StateChange::What::mask_list;
  if (command == ControlCommand::reserve) return StateChange::What::reservation;
  return StateChange::What::config_string;
}

}  // namespace

Daemon::Daemon(Options options) : options_(std::move(options)), started_(monotonic_now()) {}

Daemon::~Daemon() {
  control_.reset();
  for (const auto& worker : workers_) worker->stop(patience);
  if (background_thread_.joinable()) {
    background_->stop();
    background_thread_.join();
  }
}

tl::expected<std::unique_ptr<Daemon>, std::string> Daemon::open(const TargetDefinition& definition,
                                                                Options options) {
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(options)));
  if (auto started = daemon->start(definition); !started) return tl::unexpected(started.error());
  return daemon;
}

tl::expected<void, std::string> Daemon::start(const TargetDefinition& definition) {
  raise_descriptor_limit();
  definition_ = definition;
  if (auto opened = open_state(definition.state_folder); !opened) return opened;
  if (!definition.capture.empty()) recording_ = std::make_unique<Recording>();
  memory_ = std::make_unique<RequestMemory>(definition.request_memory, &reserve_);
  background_ = std::make_unique<PollLoop>();
  const Worker::World world{options_.log,      options_.trace,       state_.get(),
                            background_.get(), recording_.get(),     memory_.get(),
                            &former_luns_,     definition.wildcards, definition.mtu_limits};
  const auto idle = definition.busy_poll ? PollLoop::Idle::spin : PollLoop::Idle::linger;
  const auto shares = static_cast<unsigned>(definition.workers);
  for (unsigned share = 0; share < shares; ++share) {
    workers_.push_back(std::make_unique<Worker>(world, share, shares, idle));
    workers_.back()->service().limit_clients(definition.client_limits);
  }
  roles_.follow(definition.luns);
  keep_ports_open();
  auto prepared = prepare(roles_.active(), {}, {});
  if (!prepared) return tl::unexpected(prepared.error());
  // Of descriptors there are too few for the ports as well, then.
  for (const auto& [lun, why] : prepared->failures) {
    if (!options_.is_strict && !names_descriptor_limit(why)) continue;
    // A command line has one LUN only.
    return tl::unexpected(options_.configuration ? fmt::format("{}: {}", lun.address, why) : why);
  }
  if (recording_) {  // after the images, of which it must be none
    auto file = PcapWriter::create(definition.capture);
    if (!file) return tl::unexpected(file.error());
    recording_->file = *std::move(file);
  }
  std::vector<LogLine> lines;
  for (const LunChange& change : prepared->changes) {
    for (LogLine& line : change.store_lines()) lines.push_back(std::move(line));
    for (LogLine& line : take_state(change)) lines.push_back(std::move(line));
  }
  apply(std::move(prepared->changes));
  if (auto opened = open_servers(); !opened) return opened;
  const auto missing = options_.is_strict ? LivePorts::Missing::refuse : LivePorts::Missing::wait;
  for (const auto& worker : workers_) {
    if (auto opened = worker->open_ports(missing); !opened) return opened;
  }
  for (const LogLine& line : lines) options_.log(line.level, line.text);
  for (const LunDefinition& lun : roles_.standby()) {
    options_.log(LogLevel::info, fmt::format("{}: stands by: {} is not opened until it is promoted",
                                             lun.address, lun.store.path));
    if (!lun.serial.empty()) continue;
    options_.log(
        LogLevel::warning,
        fmt::format("{}: stands by without a serial number: clients take what another host "
                    "serves for another disk, unless both have the same serial",
                    lun.address));
  }
  note_missing(prepared->failures);
  wait_for_signals();
  if (auto given_up = give_up_rights(); !given_up) return given_up;
  const SignalsBlocked blocked;  // they are for this thread
  background_thread_ = std::thread([this] { background_->run(); });
  for (const auto& worker : workers_) worker->start();
  if (options_.watchdog.count() > 0) {
    std::vector<const PollLoop*> loops;
    for (const auto& worker : workers_) loops.push_back(&worker->loop());
    const auto tell = [this](const std::string& line) { options_.log(LogLevel::error, line); };
    watchdog_ = std::make_unique<Watchdog>(loops, options_.watchdog, tell);
  }
  return {};
}

tl::expected<void, std::string> Daemon::open_state(const std::string& folder) {
  if (folder.empty()) return {};
  std::error_code ignored;
  const bool is_new = !std::filesystem::exists(folder, ignored);
  auto opened = StateFiles::open(folder);
  if (opened) {
    if (is_new) made_.push_back(folder);
    state_ = std::make_unique<StateFiles>(*std::move(opened));
  } else if (options_.state_is_optional) {
    options_.log(
        LogLevel::warning,
        fmt::format("{}; what clients set will be lost when the process ends", opened.error()));
  } else {
    return tl::unexpected(opened.error());
  }
  return {};
}

tl::expected<void, std::string> Daemon::give_up_rights() {
  if (options_.user) {
    if (auto done = become_user(*options_.user); !done)
      return tl::unexpected("--user " + done.error());
    options_.log(LogLevel::info, "goes on as " + options_.user->name);
  }
  if (!drop_privileges()) {
    options_.log(LogLevel::warning, "keeping all privileges: the kernel refused to drop them");
  }
  if (!options_.limits_system_calls) return {};
  auto filter = SystemCallFilter::install();
  if (!filter) return tl::unexpected("--sandbox: " + filter.error());
  filter_ = *std::move(filter);
  refused_calls_.assign(::fcntl(filter_->descriptor(), F_DUPFD_CLOEXEC, 0));
  tell_refused_calls();
  options_.log(LogLevel::info, "system calls are limited to what serving takes");
  return {};
}

tl::expected<void, std::string> Daemon::become_user(const User& user) {
  // What root has made for it.
  for (const std::string& path : made_) {
    if (::lchown(path.c_str(), user.id, user.group) != 0) {
      return tl::unexpected(fmt::format("{}: {}: {}", user.name, path, last_error().message()));
    }
  }
  if (auto done = aoe::become(user); !done) return done;
  const std::string& folder = definition_.state_folder;
  if (state_ && ::access(folder.c_str(), R_OK | W_OK | X_OK) != 0) {
    return tl::unexpected(
        fmt::format("{0}: {1}: {2}; chown --recursive {0} {1} gives it to that user", user.name,
                    folder, last_error().message()));
  }
  return {};
}

void Daemon::tell_refused_calls() {
  for (const std::string& call : filter_->take_refused()) {
    options_.log(LogLevel::error, fmt::format("the sandbox has refused a system call: {}", call));
  }
  refused_calls_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                            [this](const boost::system::error_code& error) {
                              if (!error) tell_refused_calls();
                            });
}

/// Opens what answers ctl and Prometheus.
tl::expected<void, std::string> Daemon::open_servers() {
  if (!definition_.control.empty()) {
    auto control =
        ControlServer::open(loop_, definition_.control,
                            [this](const ControlRequest& request,
                                   const ControlServer::Reply& reply) { answer(request, reply); });
    if (!control) return tl::unexpected(control.error());
    control_ = *std::move(control);
    made_.push_back(definition_.control);
  }
  if (!definition_.metrics.empty()) {
    auto metrics = MetricsServer::open(loop_, definition_.metrics,
                                       [this] { return prometheus_text(report()); });
    if (!metrics) return tl::unexpected(metrics.error());
    metrics_ = *std::move(metrics);
  }
  return {};
}

bool Daemon::run() {
  if (report().ports.empty()) options_.log(LogLevel::warning, "no Ethernet interface is up yet");
  options_.log(LogLevel::info, "ready");
  tell_systemd("READY=1");
  look_after();
  while (!loop_.stopped()) run_loop();

  tell_systemd("STOPPING=1");
  ending_.clear();  // another signal ends the process
  TargetReport last = report();
  control_.reset();
  metrics_.reset();
  bool all_well = true;
  if (!settle_state()) {
    options_.log(LogLevel::error,
                 fmt::format("{}: does not answer, so what clients set last may be lost",
                             definition_.state_folder));
    all_well = false;
    is_stuck_ = true;
  }
  for (const auto& worker : workers_) {
    worker->ask([&] { worker->look_after(); });
    if (!worker->stop(patience)) all_well = false;
    is_stuck_ |= worker->is_stuck();
  }
  LunCounters sum;
  for (const LunReport& lun : last.luns) sum.add(lun);
  options_.log(LogLevel::info,
               fmt::format("stopped after {} requests and {} replies, {} of them errors",
                           sum.requests, sum.replies, sum.aoe_errors + sum.ata_errors));
  if (recording_) {
    if (auto flushed = recording_->file->flush(); !flushed) {
      options_.log(LogLevel::error, flushed.error());
      all_well = false;
    }
  }
  return all_well;
}

/// Runs the event loop until it is stopped, or a request of the control socket is given up.
void Daemon::run_loop() {
  try {
    loop_.run();
  } catch (const std::bad_alloc&) {
    options_.log(LogLevel::error, "no memory is left for what was to be done for ctl");
  }
}

// The control socket.

void Daemon::answer(const ControlRequest& request, const ControlServer::Reply& reply) {
  try {
    carry_out(request, reply);
  } catch (const std::bad_alloc&) {
    reply(error_reply("the target has no memory left for this"));
  }
}

void Daemon::carry_out(const ControlRequest& request, const ControlServer::Reply& reply) {
  options_.log(LogLevel::debug, fmt::format("ctl {}", text(request.command)));
  switch (request.command) {
    case ControlCommand::status:
    case ControlCommand::stats: {
      TargetReport now = report(true);
      now.absent = absent_interfaces();
      const bool is_status = request.command == ControlCommand::status;
      return reply(report_reply(is_status ? status_table(now) : stats_table(now), now));
    }
    case ControlCommand::metrics: return reply(metrics_reply(report()));
    case ControlCommand::clients: {
      ClientsReport clients;
      for (const auto& worker : workers_) {
        worker->ask([&] { worker->report(clients); });
      }
      return reply(clients_reply(clients));
    }
    case ControlCommand::clear_stats:
      for (const auto& worker : workers_) {
        worker->ask([&] { worker->clear_counters(); });
      }
      return reply(cleared_reply());
    case ControlCommand::trace: return reply(show_requests(request));
    case ControlCommand::reload: {
      const auto changes = reload_and_log();
      return reply(changes ? reload_reply(*changes) : error_reply(changes.error()));
    }
    case ControlCommand::add:
    case ControlCommand::set:
    case ControlCommand::remove: return reply(edit_lun(request));
    case ControlCommand::mask:
    case ControlCommand::reserve:
    case ControlCommand::config: return edit_and_show(request, reply);
    case ControlCommand::resize:
    case ControlCommand::reopen: return reply(resize_or_reopen(request));
    case ControlCommand::role: return reply(show_role(request.lun));
    case ControlCommand::promote: return reply(promote(request.lun));
    case ControlCommand::demote: return demote(request.lun, reply);
  }
  AOE_CHECK(false && "a command without an answer");
}

void Daemon::edit_and_show(const ControlRequest& request, const ControlServer::Reply& reply) {
  Worker& worker = worker_of(request.lun);
  worker.post([this, &worker, request, reply, why_not = why_not_served(request.lun)] {
    const auto tell = [this, reply](std::string line) {
      boost::asio::post(loop_, [reply, line = std::move(line)] { reply(line); });
    };
    const Address lun = request.lun;
    ServedLun* const served = worker.service().find(lun);
    if (served == nullptr) return tell(error_reply(why_not));
    const LunState before = served->lun.state();
    LunState state = before;
    if (!request.edits()) return tell(state_reply(request, state));
    request.edit(state);
    if (std::max(state.mask.size(), state.reserved.size()) > MacSet::capacity) {
      return tell(error_reply(fmt::format("{}: more than 255 addresses", lun)));
    }
    worker.service().set_state(lun, state, [tell, request, state](std::error_code error) {
      tell(error ? error_reply(fmt::format("{}: {}", request.lun, error.message()))
                 : state_reply(request, state));
    });
    if (state != before) worker.log_change(*served, {changed_by(request.command), "ctl"});
  });
}

std::string Daemon::show_requests(const ControlRequest& request) {
  Worker& worker = worker_of(request.lun);
  std::optional<RequestLog::Lines> lines;
  worker.ask([&] { lines = worker.request_lines(request.lun, request.from); });
  if (!lines) return error_reply(why_not_served(request.lun));
  return trace_reply(*lines, monotonic_now(), std::chrono::system_clock::now());
}

std::vector<std::string> Daemon::absent_interfaces() const {
  std::set<std::string> named;
  for (const auto& luns : {roles_.active(), roles_.standby()}) {
    for (const LunDefinition& lun : luns)
      named.insert(lun.interfaces.begin(), lun.interfaces.end());
  }
  std::vector<std::string> absent;
  const auto interfaces = list_interfaces();
  if (!interfaces) return absent;
  for (const std::string& name : find_unmatched(*interfaces, {named.begin(), named.end()})) {
    absent.push_back(unmatched_text(name));
  }
  return absent;
}

TargetReport Daemon::report(bool since_cleared) {
  TargetReport report;
  report.version = options_.version;
  report.uptime = monotonic_now() - started_;
  for (const auto& worker : workers_) {
    worker->ask([&] { worker->report(report, since_cleared); });
  }
  for (const auto& [address, missing] : missing_.all()) {
    report.missing.push_back({address, missing.definition.store.path, missing.why});
  }
  report.standby = roles_.standby();
  std::ranges::sort(report.luns, {}, [](const LunReport& lun) { return lun.definition.address; });
  std::ranges::sort(report.ports, {}, &PortReport::interface);
  return report;
}

// Signals and timers.

void Daemon::wait_for_signals() {
  for (const int signal : {SIGINT, SIGTERM}) ending_.add(signal);
  reloading_.add(SIGHUP);
  ending_.async_wait([this](const boost::system::error_code& error, int) {
    if (!error) loop_.stop();
  });
  wait_for_reload();
  unblock_signal(SIGHUP);  // which came during the start, perhaps
}

void Daemon::wait_for_reload() {
  reloading_.async_wait([this](const boost::system::error_code& error, int) {
    if (error) return;
    const auto micros =
        std::chrono::duration_cast<std::chrono::microseconds>(monotonic_now().time_since_epoch());
    tell_systemd(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", micros.count()));
    reload_and_log();
    tell_systemd("READY=1");
    wait_for_reload();
  });
}

void Daemon::look_after() {
  look_after_timer_.expires_after(look_after_interval);
  look_after_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) look_after();
  });
  for (const auto& worker : workers_) {
    worker->ask([&] { worker->look_after(); });
  }
  tell_systemd("WATCHDOG=1");
}

void Daemon::tell_systemd(const std::string& state) {
  ::sd_notify(0, state.c_str());
}

}  // namespace aoe::target
