#include "initiator/client/live_session.h"

#include <algorithm>
#include <random>
#include <utility>

namespace aoe::initiator {
namespace {

std::chrono::steady_clock::time_point on_steady_clock(Instant instant) {
  return std::chrono::steady_clock::time_point(instant.time_since_epoch());
}

}  // namespace

Instant monotonic_now() {
  return Instant(std::chrono::steady_clock::now().time_since_epoch());
}

LiveSession::LiveSession(boost::asio::io_context& loop, const Parameters& parameters)
    : timer_(loop),
      session_(parameters, std::random_device()(), *this),
      watcher_(loop),
      live_ports_(watcher_, *this) {}

LiveSession::~LiveSession() {
  const auto cancelled = [](std::uint64_t id) {
    return Completion{.id = id, .error = IoError::cancelled};
  };
  pending_.take_all([&](std::uint64_t id, const Pending& pending) { pending.done(cancelled(id)); });
  asking_.take_all([&](std::uint64_t id, const AskDone& done) { done({cancelled(id), {}}); });
}

tl::expected<std::unique_ptr<LiveSession>, std::string> LiveSession::open(
    boost::asio::io_context& loop, const Parameters& parameters,
    const std::vector<std::string>& interfaces) {
  std::unique_ptr<LiveSession> session(new LiveSession(loop, parameters));
  if (auto opened = session->live_ports_.open(interfaces); !opened)
    return tl::unexpected(opened.error());
  if (session->ports_.empty()) return tl::unexpected(std::string("no Ethernet interface is up"));
  session->tick();
  return session;
}

void LiveSession::change_interfaces(const std::vector<std::string>& interfaces) {
  live_ports_.change(interfaces);
}

void LiveSession::set_parameters(const Parameters& parameters) {
  session_.set_parameters(parameters, now());
  set_timer();
}

std::uint32_t LiveSession::discover(Address whom) {
  return session_.discover(whom, now());
}

bool LiveSession::revalidate(Address device) {
  const bool known = session_.revalidate(device, now());
  set_timer();
  return known;
}

bool LiveSession::forget(Address device) {
  return session_.forget(device, now());
}

std::size_t LiveSession::forget_down() {
  return session_.forget_down(now());
}

std::size_t LiveSession::forget_unopened() {
  return session_.forget_unopened(now());
}

std::uint64_t LiveSession::submit(IoRequest request, Done done) {
  request.id = pending_.add({request.device, std::move(done)});
  session_.submit(request, now());
  set_timer();
  return request.id;
}

void LiveSession::cancel(std::uint64_t id) {
  const Pending* pending = pending_.find(id);
  if (pending == nullptr) return;
  session_.cancel(pending->device, id, now());
  set_timer();
}

std::uint64_t LiveSession::ask(Address device, const Query& query, Duration limit, AskDone done) {
  return ask({.device = device, .query = query, .limit = limit}, std::move(done));
}

std::uint64_t LiveSession::probe(Address device, const Query& query, const PathStatus& path,
                                 std::size_t frame_size, Duration limit, AskDone done) {
  const auto port = std::ranges::find_if(ports_, [&](const Port& candidate) {
    return candidate.port != nullptr && candidate.name == path.interface;
  });
  if (port == ports_.end()) {
    done({{.error = IoError::invalid}, {}});
    return 0;
  }
  const QueryRoute route{static_cast<PortId>(port - ports_.begin()), path.mac};
  return ask(
      {.device = device, .query = query, .limit = limit, .route = route, .frame_size = frame_size},
      std::move(done));
}

std::uint64_t LiveSession::ask(QueryRequest request, AskDone done) {
  request.id = asking_.add(std::move(done));
  session_.ask(request, now());
  set_timer();
  return request.id;
}

void LiveSession::cancel_query(std::uint64_t id) {
  session_.cancel_query(id);
  set_timer();
}

DeviceStatus LiveSession::status(const Device& device) const {
  DeviceStatus status{.address = device.address(),
                      .state = state_text(device),
                      .opens = device.users(),
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
                              .suspect = path.suspect,
                              .buffers = remote.buffer_count,
                              .sectors = remote.sector_count,
                              .window = remote.window.size(),
                              .window_max = remote.window.limit(),
                              .outstanding = remote.window.outstanding(),
                              .round_trip = remote.rtt.average(),
                              .retransmit_timeout = remote.rtt.timeout(1)});
    }
  }
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

void LiveSession::completed(const Completion& completion) {
  pending_.take(completion.id).done(completion);
}

void LiveSession::answered(const QueryResult& result) {
  asking_.take(result.completion.id)(result);
}

void LiveSession::happened(const Event& event) {
  if (listener_) listener_(event);
}

void LiveSession::port_opened(PacketPort& port) {
  const PortId id = session_.attach(port, now());
  if (id >= ports_.size()) ports_.resize(id + 1);  // else that of one that has gone
  ports_[id] = {&port, port.interface().name};
}

void LiveSession::port_readable(PacketPort& port) {
  in_step_ = true;
  receive(id_of(port));
  in_step_ = false;
  set_timer();
}

void LiveSession::port_changed(PacketPort& port) {
  session_.link_changed(id_of(port), monotonic_now());
  set_timer();
}

void LiveSession::port_closing(PacketPort& port) {
  const PortId id = id_of(port);
  ports_[id].port = nullptr;
  session_.detach(id, monotonic_now());
  set_timer();
}

void LiveSession::port_trouble(const std::string& what) {
  if (trouble_listener_) trouble_listener_(what);
}

PortId LiveSession::id_of(const PacketPort& port) const {
  const auto found = std::ranges::find(ports_, &port, &Port::port);
  AOE_CHECK(found != ports_.end());
  return static_cast<PortId>(found - ports_.begin());
}

void LiveSession::receive(PortId port) {
  // Others want their turn, too, though this one never runs dry.
  constexpr int batches_max = 16;
  bool more = true;
  for (int i = 0; i < batches_max && more; ++i) {
    batch_time_ = monotonic_now();
    more = session_.receive_batch(port, batch_time_);
  }
  batch_time_ = never;
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
  // A timer that is due earlier finds nothing to do and is set anew: cheaper than moving it each
  // time.
  if (session_.deadline() >= timer_due_) return;
  timer_due_ = session_.deadline();
  timer_.expires_at(on_steady_clock(timer_due_));
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    // A timer that has run out can't be called back, though the session has gone.
    if (!error && !alive.expired()) tick();
  });
}

}  // namespace aoe::initiator
