#include "initiator/engine/engine.h"

#include <algorithm>

#include "base/check.h"

namespace aoe::initiator {
namespace {

constexpr std::uint8_t static_slots = 16;  // those that have minors of their own
constexpr Duration sweep_interval = std::chrono::seconds(1);

/// Returns an event that a received frame caused.
Event about(Event::Kind kind, const Header& header, PortId port) {
  return {.kind = kind,
          .device = header.address,
          .port = port,
          .mac = header.source,
          .tag = header.tag};
}

}  // namespace

Engine::Engine(const Parameters& parameters, std::uint64_t seed, Trace trace)
    : parameters_(parameters),
      trace_(std::move(trace)),
      tags_(TagTable::For::one_target, seed),
      query_tags_(TagTable::For::everyone, seed) {
  if (parameters_.discovery_interval.count() > 0) discovery_due_ = deadline_ = Instant::min();
}

PortId Engine::add_port(const Link& link, Instant now, Actions& out) {
  const PortId port = ports_.add(link);
  trace_port(port, now);
  discover_on(port, Address::everyone(), query_tags_.draw(), "new port", now, out);
  if (link.up) repeat_search(port, now);
  return port;
}

template <class Where>
void Engine::repeat_search(Where where, Instant now) {
  if (parameters_.discovery_interval.count() == 0) return;
  searches_.asked(where, now);
  deadline_ = std::min(deadline_, searches_.deadline());
}

void Engine::change_port(PortId port, const Link& link, Instant now, Actions& out) {
  const bool lost = ports_[port].up && !link.up;
  ports_.change(port, link);
  trace_port(port, now);
  if (link.up) {
    repeat_search(port, now);
  } else {
    searches_.remove(port);
  }
  if (!lost) {
    discover_on(port, Address::everyone(), query_tags_.draw(), "port changed", now, out);
  }
  for (const auto& [address, device] : devices_) {
    if (lost) {
      device->on_port_lost(port, now, out);
    } else {
      device->on_port_changed(now, out);
    }
    settle(*device, now, out);
  }
}

void Engine::trace_port(PortId port, Instant now) const {
  if (!trace_) return;
  const Link& link = ports_[port];
  trace_(now, "port {}: {}, MTU {}, {}", port, link.mac, link.mtu, link.up ? "up" : "down");
}

void Engine::remove_port(PortId port, Instant now, Actions& out) {
  ports_.remove(port);
  searches_.remove(port);
  if (trace_) trace_(now, "port {}: removed", port);
  for (const auto& [address, device] : devices_) {
    device->on_port_lost(port, now, out);
    settle(*device, now, out);
  }
}

void Engine::set_parameters(const Parameters& parameters, Instant now, Actions& out) {
  const bool other_interval = parameters.discovery_interval != parameters_.discovery_interval;
  parameters_ = parameters;
  if (other_interval) {
    const bool repeats = parameters_.discovery_interval.count() > 0;
    const Instant since = discovered_ == Instant::min() ? now : discovered_;
    discovery_due_ = repeats ? since + parameters_.discovery_interval : never;
  }
  for (const auto& [address, device] : devices_) {
    device->on_parameters(now, out);
    settle(*device, now, out);
  }
  reckon_deadline();
}

std::uint32_t Engine::discover(Address whom, Instant now, Actions& out) {
  return broadcast(whom, "on demand", now, out);
}

std::uint32_t Engine::broadcast(Address whom, std::string_view why, Instant now, Actions& out) {
  const std::uint32_t tag = query_tags_.draw();
  for (std::size_t port = 0; port < ports_.size(); ++port) {
    discover_on(static_cast<PortId>(port), whom, tag, why, now, out);
  }
  return tag;
}

void Engine::discover_on(PortId port, Address whom, std::uint32_t tag, std::string_view why,
                         Instant now, Actions& out) {
  if (!ports_[port].up) return;
  if (trace_) trace_(now, "discover {} tag {:08x}: on port {}, {}", whom, tag, port, why);
  Transmit& frame = out.frames.emplace_back();
  frame.port = port;
  frame.head_size = static_cast<std::uint8_t>(
      encode({Mac::broadcast(), ports_[port].mac, whom, tag}, ConfigRequest{}, frame.head));
}

Device* Engine::find_device(Address address) const {
  const auto found = devices_.find(address);
  return found == devices_.end() ? nullptr : found->second.get();
}

bool Engine::open(Address address) {
  Device* const device = find_device(address);
  return device != nullptr && device->open();
}

void Engine::close(Address address, Instant now, Actions& out) {
  Device* const device = find_device(address);
  AOE_CHECK(device != nullptr);
  device->close(now);
  if (device->users() > 0) return;
  broadcast(address, "last close", now, out);
  repeat_search(address, now);
}

bool Engine::revalidate(Address address, Instant now, Actions& out) {
  Device* const device = find_device(address);
  if (device == nullptr) return false;
  if (!device->revalidate(now, out)) broadcast(address, "revalidate", now, out);
  settle(*device, now, out);
  return true;
}

bool Engine::forget(Address address, Instant now, Actions& out) {
  const auto is_it = [&](const Device& device) { return device.address() == address; };
  return forget_if(is_it, now, out) > 0;
}

std::size_t Engine::forget_down(Instant now, Actions& out) {
  return forget_if([](const Device& device) { return device.state() == DeviceState::down; }, now,
                   out);
}

std::size_t Engine::forget_unopened(Instant now, Actions& out) {
  return forget_if([](const Device&) { return true; }, now, out);
}

std::size_t Engine::forget_strangers(Duration patience, Instant now, Actions& out) {
  const auto is_stranger = [&](const Device& device) {
    return !device.identity() && now - device.heard() >= patience;
  };
  return forget_if(is_stranger, now, out);
}

/// Those that are not open, and meet the condition.
template <class Condition>
std::size_t Engine::forget_if(Condition condition, Instant now, Actions& out) {
  std::size_t count = 0;
  for (const auto& [address, device] : devices_) {
    if (device->users() > 0 || !condition(*device)) continue;
    device->abandon(now, out);
    report({.kind = Event::Kind::device_forgotten, .device = address}, trace_, now, out);
    ++count;
  }
  if (count == 0) return 0;
  tags_.forget_if([](const Device& device) { return device.is_abandoned(); });
  for (const auto& [address, device] : devices_) {
    if (device->is_abandoned()) set_deadline(*device, never);
  }
  std::erase_if(devices_,
                [](const auto& transmission) { return transmission.second->is_abandoned(); });
  return count;
}

Device* Engine::make_device(Address address, Instant now, Actions& out) {
  if (!parameters_.dyndevs && address.slot >= static_slots) return nullptr;
  if (devices_.size() >= devices_max) {
    if (swept_ != Instant::min() && now < swept_ + sweep_interval) return nullptr;
    swept_ = now;
    if (forget_strangers(stranger_patience, now, out) == 0) return nullptr;
  }
  return devices_.emplace(address, std::make_unique<Device>(address, shared_)).first->second.get();
}

void Engine::submit(const IoRequest& request, Instant now, Actions& out) {
  Device* const device = find_device(request.device);
  if (device == nullptr) {
    out.completions.push_back({.id = request.id, .error = IoError::no_such_device});
    return;
  }
  device->submit(request, now, out);
  settle(*device, now, out);
}

bool Engine::cancel(Address address, std::uint64_t id, Instant now, Actions& out) {
  Device* const device = find_device(address);
  if (device == nullptr || !device->cancel(id, now, out)) return false;
  settle(*device, now, out);
  return true;
}

void Engine::ask(const QueryRequest& request, Instant now, Actions& out) {
  queries_.ask(request, now, out);
  deadline_ = std::min(deadline_, queries_.deadline());
}

void Engine::on_frame(PortId port, Bytes bytes, Instant now, Actions& out) {
  const auto frame = decode(bytes);
  const Reject* reject = nullptr;
  if (!frame) {
    reject = &frame.error();
  } else if (!frame->response) {
    return;  // somebody's request: not for an initiator
  } else if (!frame->body) {
    reject = &frame->body.error();
  }
  if (reject != nullptr) {
    Event event = about(Event::Kind::bad_answer, frame ? frame->header : Header{}, port);
    event.reject = *reject;
    return report(event, trace_, now, out);
  }
  const bool for_us = frame->header.destination == ports_[port].mac;
  const bool answered = for_us && answers_query(*frame, now, out);
  const auto* config = std::get_if<ConfigReply>(&*frame->body);
  if (config != nullptr && !(for_us && tags_.find(frame->header.tag) != nullptr)) {
    if (for_us || frame->header.destination.is_multicast()) {
      on_config(*frame, *config, port, now, out);
    }
  } else if (for_us && !answered) {
    on_answer(*frame, port, now, out);
  }
}

void Engine::on_config(const Frame& frame, const ConfigReply& reply, PortId port, Instant now,
                       Actions& out) {
  const Address address = frame.header.address;
  Event event = about(Event::Kind::config_answer, frame.header, port);
  event.config = reply;
  const auto refuse = [&](Event::Kind kind) {
    event.kind = kind;
    report(event, trace_, now, out);
  };
  if (!address.is_exact()) return refuse(Event::Kind::wrong_address);
  if (frame.header.source.is_multicast()) return refuse(Event::Kind::unknown_source);
  searches_.answered(port, address);
  Device* device = find_device(address);
  if (device == nullptr) device = make_device(address, now, out);
  if (device == nullptr) return refuse(Event::Kind::device_refused);
  report(event, trace_, now, out);
  device->on_config(frame, reply, port, now, out);
  settle(*device, now, out);
}

bool Engine::answers_query(const Frame& frame, Instant now, Actions& out) {
  const Transmission* transmission = query_tags_.find(frame.header.tag);
  if (transmission == nullptr) return false;
  if (!queries_.on_answer(*transmission, frame, now, out)) return false;
  deadline_ = std::min(deadline_, queries_.deadline());
  return true;
}

void Engine::on_answer(const Frame& frame, PortId port, Instant now, Actions& out) {
  if ((frame.header.tag & TagTable::ours) == 0)
    return;  // a Linux aoe driver's, on the same interface
  const auto* error = std::get_if<ErrorReply>(&*frame.body);
  const bool to_device =
      std::holds_alternative<AtaReply>(*frame.body) ||
      std::holds_alternative<ConfigReply>(*frame.body) ||
      (error != nullptr && (error->command == static_cast<std::uint8_t>(Command::ata) ||
                            error->command == static_cast<std::uint8_t>(Command::config)));
  Transmission* transmission = to_device ? tags_.find(frame.header.tag) : nullptr;
  if (transmission == nullptr || transmission->device == nullptr) {
    return report(about(Event::Kind::unexpected_answer, frame.header, port), trace_, now, out);
  }
  Device& device = *transmission->device;
  device.on_answer(*transmission, frame, port, now, out);
  settle(device, now, out);
}

void Engine::settle(Device& device, Instant now, Actions& out) {
  if (device.take_search(now)) broadcast(device.address(), "searched for", now, out);
  set_deadline(device, device.deadline());
  deadline_ = std::min(deadline_, device.deadline());
}

void Engine::set_deadline(Device& device, Instant deadline) {
  const Instant old = device.take_queued(deadline);
  if (old == deadline) return;
  if (old == never) {
    deadlines_.emplace(deadline, device.address());
  } else if (deadline == never) {
    deadlines_.erase({old, device.address()});
  } else {
    auto entry = deadlines_.extract({old, device.address()});  // nothing is allocated
    entry.value().first = deadline;
    deadlines_.insert(std::move(entry));
  }
}

void Engine::reckon_deadline() {
  deadline_ = std::min({discovery_due_, queries_.deadline(), searches_.deadline()});
  if (!deadlines_.empty()) deadline_ = std::min(deadline_, deadlines_.begin()->first);
}

void Engine::tick(Instant now, Actions& out) {
  if (now < deadline_) return;
  if (now >= discovery_due_) {
    const bool first = discovery_due_ == Instant::min();  // only starts the clock
    if (!first) {
      broadcast(Address::everyone(), "interval", now, out);
      forget_strangers(stranger_intervals * parameters_.discovery_interval, now, out);
    }
    discovered_ = now;
    discovery_due_ = now + parameters_.discovery_interval;
  }
  while (const auto search = searches_.take_due(now)) {
    if (search->port) {
      discover_on(*search->port, search->whom, query_tags_.draw(), "nothing has answered", now,
                  out);
    } else {
      broadcast(search->whom, "it has not answered", now, out);
    }
  }
  queries_.tick(now, out);
  due_.clear();
  for (const auto& [deadline, address] : deadlines_) {
    if (deadline > now) break;
    due_.push_back(address);
  }
  for (const Address address : due_) {
    Device& device = *find_device(address);
    device.expire(now, out);
    settle(device, now, out);
  }
  reckon_deadline();
}

}  // namespace aoe::initiator
