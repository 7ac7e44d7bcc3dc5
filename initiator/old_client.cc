#include "initiator/old_client.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "proto/describe.h"

namespace aoe::initiator {
namespace {

std::chrono::steady_clock::time_point on_steady_clock(Instant instant) {
  return std::chrono::steady_clock::time_point(instant.time_since_epoch());
}

constexpr Duration discovery_repeat = std::chrono::milliseconds(250);

}  // namespace

OldClient::OldClient(boost::asio::io_context& loop, const Parameters& parameters)
    : loop_(loop),
      timer_(loop_),
      session_(parameters, std::random_device()(), *this),
      watcher_(loop_),
      live_ports_(watcher_, *this) {}

OldClient::~OldClient() = default;

tl::expected<std::unique_ptr<OldClient>, std::string> OldClient::open(
    boost::asio::io_context& loop, const Parameters& parameters,
    const std::vector<std::string>& interfaces) {
  std::unique_ptr<OldClient> client(new OldClient(loop, parameters));
  if (auto opened = client->live_ports_.open(interfaces); !opened)
    return tl::unexpected(opened.error());
  if (client->ports_.empty()) return tl::unexpected(std::string("no Ethernet interface is up"));
  client->tick();
  return client;
}

std::uint32_t OldClient::discover(Address whom) {
  return session_.discover(whom);
}

void OldClient::submit(IoRequest request, Done done) {
  request.id = next_id_++;
  pending_.emplace(request.id, std::move(done));
  session_.submit(request, monotonic_now());
  set_timer();
}

void OldClient::wait(const std::function<bool()>& until) {
  while (!until()) loop_.run_one();
}

bool OldClient::wait(const std::function<bool()>& until, Duration limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!until()) {
    if (loop_.run_one_until(deadline) == 0) return until();
  }
  return true;
}

tl::expected<const Device*, std::string> OldClient::find(Address address,
                                                         std::chrono::seconds limit) {
  const auto is_up = [&] {
    const Device* device = engine().find(address);
    return device != nullptr && device->state() == DeviceState::up;
  };
  const Instant deadline = monotonic_now() + limit;
  while (!is_up() && monotonic_now() < deadline) {
    discover(address);
    wait(is_up, std::min(discovery_repeat, deadline - monotonic_now()));
  }
  if (is_up()) return engine().find(address);

  const auto failure = identify_failures_.find(address);
  if (failure != identify_failures_.end()) {
    std::array<char, description_size_max> room;
    const Event& event = failure->second;
    return tl::unexpected(fmt::format("{}: IDENTIFY failed: {}", address,
                                      event.result.error == IoError::none
                                          ? std::string(describe(event.reject, room))
                                          : describe(event.result)));
  }
  const bool heard = engine().find(address) != nullptr;
  return tl::unexpected(fmt::format("{}: no answer{} on {} within {} s", address,
                                    heard ? " to IDENTIFY" : "", interface_names(), limit.count()));
}

const std::string& OldClient::interface_name(PortId port) const {
  return ports_[port].name;
}

std::string OldClient::interface_names() const {
  std::string names;
  for (const auto& [port, name] : ports_) {
    const bool up = port != nullptr && port->link().up;
    names += (names.empty() ? "" : ", ") + name + (up ? "" : " (down)");
  }
  return names;
}

void OldClient::completed(const Completion& completion) {
  const auto found = pending_.find(completion.id);
  AOE_CHECK(found != pending_.end());
  const Done done = std::move(found->second);
  pending_.erase(found);
  done(completion);
}

void OldClient::happened(const Event& event) {
  if (event.kind == Event::Kind::identify_failed) {
    identify_failures_[event.device] = event;
    identify_failures_[event.device].config.string = {};
  }
  if (event.kind == Event::Kind::device_up) identify_failures_.erase(event.device);
  if (listener_) listener_(event);
}

void OldClient::port_opened(PacketPort& port) {
  const PortId id = session_.attach(port);
  if (id >= ports_.size()) ports_.resize(id + 1);  // else that of one that has gone
  ports_[id] = {&port, port.interface().name};
}

void OldClient::port_readable(PacketPort& port) {
  session_.receive(id_of(port), monotonic_now());
  set_timer();
}

void OldClient::port_changed(PacketPort& port) {
  session_.link_changed(id_of(port), monotonic_now());
  set_timer();
}

void OldClient::port_closing(PacketPort& port) {
  const PortId id = id_of(port);
  ports_[id].port = nullptr;
  session_.detach(id, monotonic_now());
  set_timer();
}

void OldClient::port_trouble(const std::string& what) {
  fmt::print(stderr, "aoe-initiator: {}\n", what);
}

PortId OldClient::id_of(const PacketPort& port) const {
  const auto found = std::ranges::find(ports_, &port, &Port::port);
  AOE_CHECK(found != ports_.end());
  return static_cast<PortId>(found - ports_.begin());
}

void OldClient::tick() {
  for (std::size_t port = 0; port < ports_.size(); ++port) {
    if (ports_[port].port != nullptr) session_.receive(static_cast<PortId>(port), monotonic_now());
  }
  session_.tick(monotonic_now());
  timer_due_ = never;
  set_timer();
}

void OldClient::set_timer() {
  // A timer that is due earlier finds nothing to do and is set anew: cheaper than moving it each
  // time.
  if (session_.deadline() >= timer_due_) return;
  timer_due_ = session_.deadline();
  timer_.expires_at(on_steady_clock(timer_due_));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) tick();
  });
}

}  // namespace aoe::initiator
