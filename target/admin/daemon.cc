#include "target/admin/daemon.h"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <span>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include "base/check.h"
#include "base/privileges.h"
#include "base/signals_blocked.h"
#include "target/admin/config_file.h"
#include "target/admin/disk_work.h"
#include "target/store/open_store.h"

namespace aoe::target {
namespace {

/// How often lost frames are logged and the watchdog of systemd is notified.
constexpr std::chrono::seconds look_after_interval{5};

/// Changes that a reload has a worker make at a time, between which it serves: handing each one over
/// by itself takes longer than most changes do.
constexpr std::size_t changes_per_turn = 32;

/// How long the end of the process waits for disks; and how long a start or a reload for one disk.
constexpr std::chrono::seconds ending_patience{10};
constexpr std::chrono::seconds opening_patience{10};

/// A store, and which image it is of.
struct OpenedImage {
  OpenedStore store;
  ImageIdentity identity;
  bool is_other;  // than the one that was served at this address before
};

tl::expected<OpenedImage, std::string> open_image(const StoreDefinition& definition,
                                                  const std::optional<ImageIdentity>& former,
                                                  Worker& worker) {
  auto store = open_store(definition, worker.queue(), worker.handover());
  if (!store) return tl::unexpected(store.error());
  const ImageIdentity identity = identify(definition);
  return OpenedImage{*std::move(store), identity, former && !is_same_image(*former, identity)};
}

/// Returns whether nobody has set anything.
bool is_default(const LunState& state) {
  return state.is_default_string && state.mask.empty() && state.reserved.empty();
}

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
  for (const auto& worker : workers_) worker->stop(ending_patience);
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
  const Worker::World world{options_.log,        options_.trace,   state_.get(),
                            background_.get(),   recording_.get(), memory_.get(),
                            definition.wildcards};
  const auto idle = definition.busy_poll ? PollLoop::Idle::spin : PollLoop::Idle::linger;
  const auto shares = static_cast<unsigned>(definition.workers);
  for (unsigned share = 0; share < shares; ++share) {
    workers_.push_back(std::make_unique<Worker>(world, share, shares, idle));
    workers_.back()->service().limit_clients(definition.client_limits);
  }
  auto changes = prepare(definition.luns);
  if (!changes) return tl::unexpected(changes.error());
  if (recording_) {  // after the images, of which it must be none
    auto file = PcapWriter::create(definition.capture);
    if (!file) return tl::unexpected(file.error());
    recording_->file = *std::move(file);
  }
  std::vector<LogLine> lines;
  for (const LunChange& change : *changes) {
    for (LogLine& line : change.store_lines()) lines.push_back(std::move(line));
    for (LogLine& line : take_state(change)) lines.push_back(std::move(line));
  }
  apply(*std::move(changes));
  if (!definition.control.empty()) {
    auto control =
        ControlServer::open(loop_, definition.control,
                            [this](const ControlRequest& request,
                                   const ControlServer::Reply& reply) { answer(request, reply); });
    if (!control) return tl::unexpected(control.error());
    control_ = *std::move(control);
  }
  for (const auto& worker : workers_) {
    if (auto opened = worker->open_ports(); !opened) return opened;
  }
  for (const LogLine& line : lines) options_.log(line.level, line.text);
  wait_for_signals();
  if (!drop_privileges()) {
    options_.log(LogLevel::warning, "keeping all privileges: the kernel refused to drop them");
  }
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
  auto opened = StateFiles::open(folder);
  if (opened) {
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
    if (!worker->stop(ending_patience)) all_well = false;
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

// Adding, changing and removing LUNs.

Worker& Daemon::worker_of(Address address) {
  return *workers_[static_cast<std::size_t>(address.shelf + address.slot) % workers_.size()];
}

tl::expected<std::vector<LunChange>, std::string> Daemon::prepare(
    const std::vector<LunDefinition>& luns) {
  struct Present {
    LunDefinition definition;
    std::vector<ImageUse> images;
    ImageIdentity image;
  };
  std::vector<LunChange> changes;
  std::map<Address, Present> served;
  for (const auto& worker : workers_) {
    worker->ask([&] {
      for (const auto& [address, lun] : worker->service().luns()) {
        served.emplace(address, Present{lun->definition, lun->images, lun->image});
      }
    });
  }
  std::set<Address> wanted_addresses;
  for (const LunDefinition& wanted : luns) wanted_addresses.insert(wanted.address);
  for (const auto& [address, present] : served) {
    if (!wanted_addresses.contains(address)) {
      changes.push_back({.kind = LunChange::Kind::remove, .definition = present.definition});
    }
  }
  std::vector<DiskWork<std::vector<ImageUse>>> to_look_at;
  for (const LunDefinition& wanted : luns) {
    const auto found = served.find(wanted.address);
    if (found != served.end() && found->second.definition.store == wanted.store) continue;
    to_look_at.push_back({wanted.store.path, [wanted] { return images_of(wanted); }});
  }
  auto looked_at = do_in_time(std::move(to_look_at), opening_patience);
  if (!looked_at) return tl::unexpected(looked_at.error());
  auto new_images = looked_at->begin();
  std::vector<ImageUse> images;
  for (const LunDefinition& wanted : luns) {
    const auto found = served.find(wanted.address);
    const Present* const present = found == served.end() ? nullptr : &found->second;
    const bool is_same_store = present != nullptr && present->definition.store == wanted.store;
    LunChange change{.kind = LunChange::Kind::change,
                     .definition = wanted,
                     .images = is_same_store ? present->images : *new_images++};
    images.insert(images.end(), change.images.begin(), change.images.end());
    if (present != nullptr && present->definition == wanted) continue;
    if (!is_same_store) {
      change.kind = present != nullptr ? LunChange::Kind::replace : LunChange::Kind::add;
      if (present != nullptr) change.former_image = present->image;
    }
    changes.push_back(std::move(change));
  }
  if (const auto conflict = find_conflict(images, definition_.capture)) {
    return tl::unexpected(*conflict);
  }
  if (auto opened = open_files(changes); !opened) return tl::unexpected(opened.error());
  return changes;
}

tl::expected<void, std::string> Daemon::open_files(std::vector<LunChange>& changes) {
  std::vector<DiskWork<OpenedImage>> to_open;
  std::vector<LunChange*> opening;
  for (LunChange& change : changes) {
    const LunDefinition& wanted = change.definition;
    if (change.kind == LunChange::Kind::add && state_) {
      auto loaded = state_->load(wanted.address);
      if (!loaded) return tl::unexpected(loaded.error());
      if (*loaded) {
        change.state = std::move((*loaded)->state);
        change.former_image = std::move((*loaded)->image);
      }
    }
    if (change.kind == LunChange::Kind::add || change.kind == LunChange::Kind::replace) {
      to_open.push_back({wanted.store.path, [store = wanted.store, former = change.former_image,
                                             worker = &worker_of(wanted.address)] {
                           return open_image(store, former, *worker);
                         }});
      opening.push_back(&change);
    }
  }
  auto opened = do_in_time(std::move(to_open), opening_patience);
  if (!opened) return tl::unexpected(opened.error());
  for (std::size_t i = 0; i < opening.size(); ++i) {
    OpenedImage& image = (*opened)[i];
    opening[i]->store = std::move(image.store);
    opening[i]->image = std::move(image.identity);
    opening[i]->is_other_image = image.is_other;
    if (image.is_other) opening[i]->state.reset();
  }
  return {};
}

std::vector<LogLine> Daemon::take_state(const LunChange& change) const {
  std::vector<LogLine> lines;
  const Address lun = change.definition.address;
  if (change.is_other_image && state_) {
    const auto aside = state_->set_aside(lun);
    if (!aside) {
      lines.push_back(
          {LogLevel::error,
           fmt::format("{}: setting aside the state of another image: {}", lun, aside.error())});
    } else if (*aside) {
      lines.push_back(
          {LogLevel::warning,
           fmt::format(
               "{}: what clients set for {} is not taken for {}, and is kept in {}; to take "
               "it all the same, end the target, delete the line 'image' there and rename "
               "the file to {}",
               lun, change.former_image->path, change.image.path, **aside, state_->path(lun))});
    }
  }
  if (!change.state) return lines;
  const auto add = [&](std::string_view what, const std::vector<Mac>& macs) {
    if (macs.empty()) return;
    lines.push_back(
        {LogLevel::info, fmt::format("{}: {} of {} address{}, from {}", lun, what, macs.size(),
                                     macs.size() == 1 ? "" : "es", state_->path(lun))});
  };
  add("mask", change.state->mask);
  add("reservation", change.state->reserved);
  return lines;
}

void Daemon::apply(std::vector<LunChange> changes) {
  std::map<Worker*, std::vector<LunChange*>> of_worker;
  for (LunChange& change : changes) {
    of_worker[&worker_of(change.definition.address)].push_back(&change);
  }
  for (const auto& [worker, its_changes] : of_worker) {
    for (std::span<LunChange* const> left = its_changes; !left.empty();) {
      const auto now = left.first(std::min(left.size(), changes_per_turn));
      left = left.subspan(now.size());
      worker->ask([this, now, worker = worker] {
        for (LunChange* const change : now) apply(*change, *worker);
      });
    }
  }
}

void Daemon::apply(LunChange& change, Worker& worker) const {
  const Address address = change.definition.address;
  const auto options = [&](std::uint64_t sectors, const StoreTraits& traits) {
    return change.options(sectors, traits, options_.version);
  };
  ServedLun* const present = worker.service().find(address);
  if (change.kind == LunChange::Kind::change) {
    const LunOptions& before = present->lun.options();
    present->define(change.definition);
    return worker.service().change(options(before.sectors, before.disk));
  }
  if (change.kind == LunChange::Kind::replace && !change.is_other_image) {
    change.state = present->lun.state();
  }
  if (change.kind != LunChange::Kind::add) worker.remove(address);
  if (change.kind == LunChange::Kind::remove) return;
  const Store& store = *change.store->store;
  auto added = std::make_unique<ServedLun>(options(sectors_of(store), store.traits()),
                                           std::move(change.store->store), change.state);
  added->define(change.definition);
  added->images = std::move(change.images);
  added->store_kind = change.store->kind;
  added->image = change.image;
  worker.add(std::move(added));
  // An image that was moved or enlarged is known by that from now on.
  if (change.state && !is_default(*change.state) && change.former_image != change.image) {
    worker.service().set_state(address, *change.state, [](std::error_code) {});
  }
}

tl::expected<std::vector<std::string>, std::string> Daemon::reload() {
  if (!options_.read_again) {
    return tl::unexpected(std::string("started from a command line: there is no file to read"));
  }
  const auto wanted = options_.read_again();
  if (!wanted) return tl::unexpected(wanted.error());
  // A LUN that is added again loads its state, which must be complete.
  if (!settle_state()) {
    return tl::unexpected(fmt::format("{}: does not answer", definition_.state_folder));
  }
  auto changes = prepare(wanted->luns);
  if (!changes) return tl::unexpected(changes.error());

  std::vector<std::string> lines;
  std::map<Worker*, std::vector<Address>> to_announce;
  for (const auto& worker : workers_) to_announce[worker.get()];
  for (const LunChange& change : *changes) {
    const Address address = change.definition.address;
    lines.push_back(fmt::format("{}: {}", address, change.text()));
    for (const LogLine& line : change.store_lines()) options_.log(line.level, line.text);
    for (const LogLine& line : take_state(change)) options_.log(line.level, line.text);
    if (change.kind != LunChange::Kind::remove) to_announce[&worker_of(address)].push_back(address);
  }
  apply(*std::move(changes));
  for (const auto& entry : to_announce) {
    entry.first->ask([&entry] { entry.first->follow(entry.second); });
  }
  if (wanted->client_limits != definition_.client_limits) {
    definition_.client_limits = wanted->client_limits;
    for (const auto& worker : workers_) {
      worker->ask([&] { worker->service().limit_clients(wanted->client_limits); });
    }
    lines.emplace_back("client-limits: changed");
  }
  const auto note = [&](const char* key, bool differs) {
    if (differs) lines.push_back(fmt::format("{}: takes effect at the next start", key));
  };
  note("state", wanted->state_folder != definition_.state_folder);
  note("control", wanted->control != definition_.control);
  note("workers", wanted->workers != definition_.workers);
  note("busy-poll", wanted->busy_poll != definition_.busy_poll);
  note("wildcards", wanted->wildcards != definition_.wildcards);
  note("request-memory", wanted->request_memory != definition_.request_memory);
  note("capture", wanted->capture != definition_.capture);
  return lines;
}

bool Daemon::settle_state() {
  for (const auto& worker : workers_) worker->ask([] {});
  const auto done = std::make_shared<std::promise<void>>();
  background_->post([done] { done->set_value(); });
  return done->get_future().wait_for(ending_patience) == std::future_status::ready;
}

tl::expected<std::vector<std::string>, std::string> Daemon::reload_and_log() {
  auto changes = reload();
  if (changes) {
    for (const std::string& line : *changes) options_.log(LogLevel::info, line);
    options_.log(LogLevel::info,
                 fmt::format("configuration read again: {} changes", changes->size()));
  } else {
    options_.log(LogLevel::error, fmt::format("{}; nothing was changed", changes.error()));
  }
  return changes;
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
      const TargetReport now = report();
      const bool is_status = request.command == ControlCommand::status;
      return reply(report_reply(is_status ? status_table(now) : stats_table(now), now));
    }
    case ControlCommand::metrics: return reply(metrics_reply(report()));
    case ControlCommand::reload: {
      const auto changes = reload_and_log();
      return reply(changes ? reload_reply(*changes) : error_reply(changes.error()));
    }
    case ControlCommand::mask:
    case ControlCommand::reserve:
    case ControlCommand::config: return edit_and_show(request, reply);
  }
  AOE_CHECK(false && "a command without an answer");
}

void Daemon::edit_and_show(const ControlRequest& request, const ControlServer::Reply& reply) {
  Worker& worker = worker_of(request.lun);
  worker.post([this, &worker, request, reply] {
    const auto tell = [this, reply](std::string line) {
      boost::asio::post(loop_, [reply, line = std::move(line)] { reply(line); });
    };
    const Address lun = request.lun;
    ServedLun* const served = worker.service().find(lun);
    if (served == nullptr) return tell(error_reply(fmt::format("{}: no such LUN", lun)));
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

TargetReport Daemon::report() {
  TargetReport report;
  report.version = options_.version;
  report.uptime = monotonic_now() - started_;
  for (const auto& worker : workers_) {
    worker->ask([&] { worker->report(report); });
  }
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
