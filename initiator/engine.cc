#include "initiator/engine.h"

#include <algorithm>

namespace aoe::initiator {
namespace {

constexpr std::size_t devices_max = 65536;  // what a network can make us remember

}  // namespace

Engine::Engine(const Parameters& parameters, std::uint64_t seed)
    : parameters_(parameters), tags_(seed), next_query_(static_cast<std::uint32_t>(seed)) {
  if (parameters_.discovery_interval.count() > 0) discovery_due_ = deadline_ = Instant::min();
}

PortId Engine::add_port(const Link& link, Actions& out) {
  ports_.push_back(link);
  const auto port = static_cast<PortId>(ports_.size() - 1);
  discover_on(port, Address::everyone(), TagTable::ours | next_query_++, out);
  return port;
}

void Engine::change_port(PortId port, const Link& link, Instant now, Actions& out) {
  const bool lost = ports_[port].up && !link.up;
  ports_[port] = link;
  if (!lost) discover_on(port, Address::everyone(), TagTable::ours | next_query_++, out);
  for (const auto& [address, device] : devices_) {
    if (lost) device->on_port_lost(port, now, out);
    settle(*device, now, out);
  }
}

std::uint32_t Engine::discover(Address whom, Actions& out) {
  const std::uint32_t tag = TagTable::ours | next_query_++;
  for (std::size_t port = 0; port < ports_.size(); ++port) {
    discover_on(static_cast<PortId>(port), whom, tag, out);
  }
  return tag;
}

void Engine::discover_on(PortId port, Address whom, std::uint32_t tag, Actions& out) {
  if (!ports_[port].up) return;
  Transmit& frame = out.frames.emplace_back();
  frame.port = port;
  frame.head_size = static_cast<std::uint8_t>(
      encode({Mac::broadcast(), ports_[port].mac, whom, tag}, ConfigRequest{}, frame.head));
}

const Device* Engine::find(Address address) const {
  const auto found = devices_.find(address);
  return found == devices_.end() ? nullptr : found->second.get();
}

void Engine::submit(const IoRequest& request, Instant now, Actions& out) {
  const auto found = devices_.find(request.device);
  if (found == devices_.end()) {
    out.completions.push_back({.id = request.id, .error = IoError::no_such_device});
    return;
  }
  found->second->submit(request, now, out);
  settle(*found->second, now, out);
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
    ++rejects_[static_cast<std::size_t>(reject->rule)];
    out.events.push_back({.kind = Event::Kind::bad_answer,
                          .device = frame ? frame->header.address : Address{},
                          .port = port,
                          .mac = frame ? frame->header.source : Mac{},
                          .tag = frame ? frame->header.tag : 0,
                          .reject = *reject});
    return;
  }
  const bool for_us = frame->header.destination == ports_[port].mac;
  if (const auto* config = std::get_if<ConfigReply>(&*frame->body)) {
    if (for_us || frame->header.destination.is_multicast()) {
      on_config(*frame, *config, port, now, out);
    }
  } else if (for_us) {
    on_answer(*frame, port, now, out);
  }
}

void Engine::on_config(const Frame& frame, const ConfigReply& reply, PortId port, Instant now,
                       Actions& out) {
  const Address address = frame.header.address;
  Event event{.kind = Event::Kind::config_answer,
              .device = address,
              .port = port,
              .mac = frame.header.source,
              .tag = frame.header.tag,
              .config = reply};
  auto found = devices_.find(address);
  const bool room = found != devices_.end() || devices_.size() < devices_max;
  if (!address.is_exact() || frame.header.source.is_multicast() || !room) {
    event.kind = Event::Kind::unexpected_answer;
    out.events.push_back(event);
    return;
  }
  if (found == devices_.end()) {
    found = devices_.emplace(address, std::make_unique<Device>(address, parameters_, ports_, tags_))
                .first;
  }
  out.events.push_back(event);
  found->second->on_config(frame, reply, port, now, out);
  settle(*found->second, now, out);
}

void Engine::on_answer(const Frame& frame, PortId port, Instant now, Actions& out) {
  if ((frame.header.tag & TagTable::ours) == 0)
    return;  // a Linux aoe driver's, on the same interface
  const auto* error = std::get_if<ErrorReply>(&*frame.body);
  const bool to_ata =
      std::holds_alternative<AtaReply>(*frame.body) ||
      (error != nullptr && error->command == static_cast<std::uint8_t>(Command::ata));
  TagTable::Entry* entry = to_ata ? tags_.find(frame.header.tag) : nullptr;
  if (entry == nullptr) {
    out.events.push_back({.kind = Event::Kind::unexpected_answer,
                          .device = frame.header.address,
                          .port = port,
                          .mac = frame.header.source,
                          .tag = frame.header.tag});
    return;
  }
  Device& device = *entry->device;
  device.on_answer(*entry, frame, port, now, out);
  settle(device, now, out);
}

void Engine::settle(Device& device, Instant now, Actions& out) {
  if (device.take_search(now)) discover(device.address(), out);
  deadline_ = std::min(deadline_, device.deadline());
}

void Engine::tick(Instant now, Actions& out) {
  if (now < deadline_) return;
  if (now >= discovery_due_) {
    const bool first = discovery_due_ == Instant::min();  // only starts the clock
    if (!first) discover(Address::everyone(), out);
    discovery_due_ = now + parameters_.discovery_interval;
  }
  deadline_ = discovery_due_;
  for (const auto& [address, device] : devices_) {
    device->expire(now, out);
    settle(*device, now, out);
  }
}

}  // namespace aoe::initiator
