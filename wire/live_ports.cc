#include "wire/live_ports.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "base/descriptor.h"

namespace aoe {
namespace {

/// Further ports have none: a host of containers has hundreds of interfaces.
constexpr std::size_t rings_max = 4;

/// What keeps this process from opening a packet socket anywhere; else it is the interface.
std::errc socket_error() {
  const Descriptor socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  return socket.get() < 0 ? std::errc(errno) : std::errc::network_down;
}

bool is_there(const std::vector<Interface>& interfaces, const std::string& name) {
  return std::ranges::any_of(interfaces, [&](const auto& i) { return i.is_called(name); });
}

}  // namespace

bool LivePorts::Wanted::covers(const Interface& interface, Scope scope) const {
  return matches(interface, patterns) || (defaults && matches(interface, {}, scope));
}

bool LivePorts::Wanted::names(const Interface& interface) const {
  return std::ranges::any_of(patterns, [&](const auto& name) { return interface.is_called(name); });
}

LivePorts::LivePorts(Watcher& watcher, User& user, const PacketPort::Options& options, Scope scope,
                     MtuLimits mtu_limits)
    : watcher_(watcher),
      user_(user),
      options_(options),
      scope_(scope),
      mtu_limits_(std::move(mtu_limits)) {}

LivePorts::~LivePorts() {
  for (const auto& [index, port] : open_) {
    if (!paused_.contains(port.get())) watcher_.unwatch(port->descriptor());
  }
  if (monitor_) watcher_.unwatch(monitor_->descriptor());
}

tl::expected<void, LivePorts::Failure> LivePorts::open(Wanted wanted, Missing missing) {
  wanted_ = std::move(wanted);
  const auto failure = [](std::string text) {
    return tl::unexpected(Failure{std::errc::network_down, "", std::move(text)});
  };
  // Watched before they are listed, so that no change falls between the two.
  auto monitor = InterfaceMonitor::open();
  if (!monitor) return failure(monitor.error());
  monitor_ = *std::move(monitor);
  watcher_.watch(monitor_->descriptor(), [this] {
    while (const auto change = monitor_->next()) changed(*change);
  });

  const auto interfaces = list_interfaces();
  if (!interfaces) return failure(interfaces.error());
  for (const std::string& name : wanted_.patterns) {
    if (missing == Missing::wait || is_glob(name) || is_there(*interfaces, name)) continue;
    return tl::unexpected(
        Failure{std::errc::no_such_device_or_address, name, name + ": no such interface"});
  }
  report_missing(*interfaces);
  std::map<int, Failure> errors;
  for (const Interface& interface : *interfaces) {
    if (may_open(interface)) {
      if (auto opened = open_port(interface); !opened)
        errors.emplace(interface.index, Failure{socket_error(), interface.name, opened.error()});
    }
    report_state(interface);
  }
  if (open_.empty() && !errors.empty()) return tl::unexpected(errors.begin()->second);
  for (const auto& [index, error] : errors) {
    in_trouble_.insert(index);
    user_.port_trouble(error.text);
  }
  return {};
}

void LivePorts::change(Wanted wanted) {
  wanted_ = std::move(wanted);
  const auto interfaces = list_interfaces();
  if (!interfaces) return user_.port_trouble(interfaces.error());
  for (const Interface& interface : *interfaces) {
    if (!open_.contains(interface.index)) {
      if (may_open(interface)) try_port(interface);
    } else if (!wanted_.covers(interface, scope_)) {
      close_port(interface.index);
    }
    report_state(interface);
  }
  report_missing(*interfaces);
}

void LivePorts::report_missing(const std::vector<Interface>& interfaces) {
  for (const std::string& pattern : find_unmatched(interfaces, wanted_.patterns)) {
    user_.port_missing(unmatched_text(pattern));
  }
}

/// Reports, once, that a port is deaf, or that an interface is left out.
void LivePorts::report_state(const Interface& interface) {
  const int index = interface.index;
  const bool is_open = open_.contains(index);
  if (!is_open || !interface.is_port()) {
    deaf_.erase(index);
  } else if (deaf_.insert(index).second) {
    user_.port_is_deaf(fmt::format("{0}: is {1}: use {2} instead", interface.name,
                                   why_left_out(interface, scope_), interface.master));
  }
  const std::string why = interface.ethernet ? why_left_out(interface, scope_) : "";
  const bool is_left_out = wanted_.defaults && !is_open && interface.link.up && !why.empty();
  if (!is_left_out) {
    left_out_.erase(index);
  } else if (left_out_.insert(index).second) {
    user_.interface_left_out(fmt::format("{}: left out: {}", interface.name, why));
  }
}

bool LivePorts::retry() {
  if (in_trouble_.empty()) return false;
  const auto interfaces = list_interfaces();
  if (!interfaces) return false;
  const auto next = in_trouble_.upper_bound(last_retried_);
  last_retried_ = next == in_trouble_.end() ? *in_trouble_.begin() : *next;
  const auto interface = std::ranges::find(*interfaces, last_retried_, &Interface::index);
  if (interface == interfaces->end() || !may_open(*interface)) return false;
  const std::size_t open_before = open_.size();
  try_port(*interface);
  return open_.size() > open_before;
}

/// Opens a port, or reports it, unless that was done.
void LivePorts::try_port(const Interface& interface) {
  if (const auto opened = open_port(interface); opened) {
    in_trouble_.erase(interface.index);
  } else if (in_trouble_.insert(interface.index).second) {
    user_.port_trouble(opened.error());
  }
}

bool LivePorts::may_open(const Interface& interface) const {
  return wanted_.names(interface) || (interface.link.up && wanted_.covers(interface, scope_));
}

std::vector<PacketPort*> LivePorts::ports() const {
  std::vector<PacketPort*> ports;
  for (const auto& [index, port] : open_) ports.push_back(port.get());
  return ports;
}

tl::expected<void, std::string> LivePorts::open_port(const Interface& interface) {
  PacketPort::Options options = options_;
  if (open_.size() >= rings_max) options.ring_slots = 0;
  for (const auto& [pattern, mtu] : mtu_limits_) {
    if (matches(interface, {pattern})) options.mtu_max = std::min(options.mtu_max, mtu);
  }
  auto opened = PacketPort::open(interface.name, options);
  if (!opened) return tl::unexpected(opened.error());
  // By the opened one's index: the name may have moved to another interface meanwhile.
  const int index = (*opened)->interface().index;
  const auto [place, is_new] = open_.emplace(index, *std::move(opened));
  if (!is_new) return {};
  PacketPort& port = *place->second;
  user_.port_opened(port);
  watch(port);
  return {};
}

void LivePorts::watch(PacketPort& port) {
  watcher_.watch(port.descriptor(), [this, &port] { user_.port_readable(port); });
}

void LivePorts::pause(PacketPort& port) {
  if (paused_.insert(&port).second) watcher_.unwatch(port.descriptor());
}

void LivePorts::resume(PacketPort& port) {
  if (paused_.erase(&port) > 0) watch(port);
}

void LivePorts::close_port(int index) {
  const auto port = std::move(open_.at(index));
  open_.erase(index);
  if (paused_.erase(port.get()) == 0) watcher_.unwatch(port->descriptor());
  user_.port_closing(*port);
}

void LivePorts::changed(const InterfaceMonitor::Change& change) {
  const Interface& interface = change.interface;
  const auto found = open_.find(interface.index);
  if (change.removed) {
    for (std::set<int>* reported : {&in_trouble_, &deaf_, &left_out_})
      reported->erase(interface.index);
    if (found != open_.end()) close_port(interface.index);
    return;
  }
  if (found == open_.end()) {
    if (may_open(interface)) try_port(interface);
    return report_state(interface);
  }
  PacketPort& port = *found->second;
  const Interface& before = port.interface();
  const bool is_renamed = interface.name != before.name || interface.altnames != before.altnames;
  if (is_renamed && !wanted_.covers(interface, scope_)) {
    close_port(interface.index);
  } else {
    const Link link_before = port.link();
    port.update(interface);
    if (port.link() != link_before) user_.port_changed(port);
  }
  report_state(interface);
}

}  // namespace aoe
