#include "initiator/client/live_session.h"

#include <sys/random.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"

namespace aoe::initiator {
namespace {

std::chrono::steady_clock::time_point on_steady_clock(Instant instant) {
  return std::chrono::steady_clock::time_point(instant.time_since_epoch());
}

/// From the kernel: who can guess it can answer in a target's place.
std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  const ssize_t got = ::getrandom(&seed, sizeof seed, 0);  // whole, up to 256 bytes
  AOE_CHECK(got == sizeof seed);
  return seed;
}

/// What the windows of dozens of targets allow; at an MTU of 9000 8 MiB have room for a quarter of it.
constexpr std::size_t ring_slots = 4096;

PacketPort::Options port_options(const Engine& engine) {
  const auto own = engine.own_answers();
  return {.ring_slots = ring_slots, .answers = {own.begin(), own.end()}};
}

}  // namespace

Instant monotonic_now() {
  return Instant(std::chrono::steady_clock::now().time_since_epoch());
}

LiveSession::LiveSession(boost::asio::io_context& loop, const Parameters& parameters, Trace trace)
    : loop_(loop),
      trace_(trace),
      timer_(loop),
      session_(parameters, random_seed(), std::move(trace)),
      watcher_(loop),
      live_ports_(watcher_, *this, port_options(session_.engine())) {}

LiveSession::~LiveSession() {
  session_.cancel_all();
}

tl::expected<std::unique_ptr<LiveSession>, OpenError> LiveSession::open(
    boost::asio::io_context& loop, const Parameters& parameters,
    const std::vector<std::string>& interfaces, Trace trace, Missing missing) {
  std::unique_ptr<LiveSession> session(new LiveSession(loop, parameters, std::move(trace)));
  const LivePorts::Wanted wanted{.patterns = interfaces, .defaults = interfaces.empty()};
  if (auto opened = session->live_ports_.open(wanted, missing); !opened) {
    const LivePorts::Failure& failure = opened.error();
    const auto code = static_cast<boost::system::errc::errc_t>(failure.code);
    return tl::unexpected(OpenError{make_error_code(code), failure.interface, failure.text});
  }
  if (session->ports_.empty() && missing == Missing::refuse) {
    const std::string text = interfaces.empty()
                                 ? "no Ethernet interface is up"
                                 : fmt::format("{}: matches no Ethernet interface that is up",
                                               fmt::join(interfaces, ", "));
    return tl::unexpected(OpenError{make_error_code(boost::system::errc::network_down), "", text});
  }
  // Nothing is received before the caller's loop runs: it may want to listen to events.
  session->session_.tick(monotonic_now());
  session->set_timer();
  return session;
}

void LiveSession::listen_for_trouble(TroubleListener listener) {
  trouble_listener_ =
      listener ? std::make_shared<const TroubleListener>(std::move(listener)) : nullptr;
  if (trouble_listener_) {
    for (const std::string& what : std::exchange(early_trouble_, {})) port_trouble(what);
  }
}

DeviceStatus LiveSession::status(const Device& device) const {
  DeviceStatus status{.address = device.address(),
                      .state = driver_text(device.state()),
                      .opens = device.users(),
                      .read_only = device.refuses_writes(),
                      .payload = device.payload(),
                      .firmware = device.firmware(),
                      .identity = device.identity(),
                      .requests = device.request_counters(),
                      .counters = device.counters()};
  if (device.identity()) status.sectors = device.identity()->sectors;
  for (const RemoteTarget& remote : device.remotes()) {
    for (const Path& path : remote.paths) {
      const Port& port = ports_[path.port];
      status.paths.push_back({.interface = port.name,
                              .mac = remote.mac,
                              .mtu = port.port->link().mtu,
                              .suspect = path.is_suspect(),
                              .payload = device.payload(remote, path),
                              .standing = text(remote.standing),
                              .serial = std::string(remote.said ? remote.said->serial.view() : ""),
                              .disk_sectors = remote.said ? remote.said->sectors : 0,
                              .buffers = remote.offer.buffer_count,
                              .sectors = remote.offer.sector_count,
                              .window = remote.window.size(),
                              .window_max = remote.window.limit(),
                              .threshold = remote.window.threshold(),
                              .outstanding = remote.window.outstanding(),
                              .round_trip = remote.rtt.average(),
                              .deviation = remote.rtt.deviation(),
                              .retransmit_timeout = remote.rtt.timeout(1)});
    }
  }
  std::stable_partition(status.paths.begin(), status.paths.end(),
                        [](const PathStatus& path) { return path.is_used(); });
  return status;
}

std::vector<InterfaceStatus> LiveSession::interfaces() const {
  std::vector<InterfaceStatus> all;
  for (const auto& [port, name] : ports_) {
    if (port == nullptr) continue;
    const Link link = port->link();
    const PortCounters counters = port->counters();
    all.push_back({.name = name,
                   .mac = link.mac,
                   .mtu = link.mtu,
                   .up = link.up,
                   .received = counters.received,
                   .sent = counters.sent,
                   .receive_dropped = counters.receive_dropped,
                   .send_dropped = counters.send_dropped});
  }
  return all;
}

std::optional<PortId> LiveSession::port_on(const std::string& interface) const {
  const auto found = std::ranges::find_if(
      ports_, [&](const Port& port) { return port.port != nullptr && port.name == interface; });
  if (found == ports_.end()) return std::nullopt;
  return static_cast<PortId>(found - ports_.begin());
}

PortId LiveSession::id_of(const PacketPort& port) const {
  const auto found = std::ranges::find(ports_, &port, &Port::port);
  AOE_CHECK(found != ports_.end());
  return static_cast<PortId>(found - ports_.begin());
}

void LiveSession::port_opened(PacketPort& port) {
  const PortId id = session_.attach(port, now());
  if (id >= ports_.size()) ports_.resize(id + 1);  // else that of one that has gone
  ports_[id] = {&port, port.interface().name};
  if (trace_) trace_(now(), "port {}: is {}", id, port.interface().name);
}

void LiveSession::port_readable(PacketPort& port) {
  const SetTimer afterwards(*this);
  in_step_ = true;
  receive(id_of(port));
  in_step_ = false;
}

void LiveSession::port_changed(PacketPort& port) {
  const SetTimer afterwards(*this);
  session_.link_changed(id_of(port), monotonic_now());
}

void LiveSession::port_closing(PacketPort& port) {
  const SetTimer afterwards(*this);
  const PortId id = id_of(port);
  ports_[id].port = nullptr;
  session_.detach(id, monotonic_now());
}

void LiveSession::port_trouble(const std::string& what) {
  in_trouble_ = true;
  if (const auto listener = trouble_listener_) {
    (*listener)(what);
  } else if (constexpr std::size_t kept_max = 64; early_trouble_.size() < kept_max) {
    early_trouble_.push_back(what);
  }
  in_trouble_ = false;
}

void LiveSession::port_missing(const std::string& what) {
  port_trouble(what);
}

void LiveSession::port_is_deaf(const std::string& what) {
  port_trouble(what);
}

void LiveSession::interface_left_out(const std::string& what) {
  if (trace_) trace_(now(), "interface {}", what);
}

void LiveSession::receive(PortId port) {
  // Others want their turn, too, though this one never runs dry.
  constexpr int batches_max = 16;
  for (int i = 0; i < batches_max; ++i) {
    batch_time_ = monotonic_now();
    if (!session_.receive_batch(port, batch_time_) && !arrives(port)) break;
  }
  batch_time_ = never;
}

bool LiveSession::arrives(PortId id) {
  const PacketPort* const port = ports_[id].port;
  if (port == nullptr || !session_.awaits_answers() || !linger_.is_worthwhile()) return false;
  const Instant end = monotonic_now() + Linger::longest;
  bool has_frame = false;
  while (!(has_frame = port->has_frame()) && monotonic_now() < end) {
  }
  linger_.tried(has_frame);
  return has_frame;
}

void LiveSession::tick() {
  in_step_ = true;
  for (std::size_t port = 0; port < ports_.size(); ++port) {
    if (ports_[port].port != nullptr) receive(static_cast<PortId>(port));
  }
  session_.tick(monotonic_now());
  in_step_ = false;
  timer_due_ = never;
  set_timer();
}

void LiveSession::set_timer() {
  // A timer that is due earlier finds nothing to do and is set again: cheaper than moving it each
  // time.
  const Instant due = session_.deadline();
  if (due >= timer_due_) return;
  timer_due_ = due;
  timer_.expires_at(on_steady_clock(timer_due_));
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    // A timer that has run out can't be called back, though the session has gone.
    if (!error && !alive.expired()) tick();
  });
}

}  // namespace aoe::initiator
