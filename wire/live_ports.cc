#include "wire/live_ports.h"

#include <algorithm>
#include <utility>

namespace aoe {

LivePorts::LivePorts(Watcher& watcher, User& user, const PacketPort::Options& options)
    : watcher_(watcher), user_(user), options_(options) {}

LivePorts::~LivePorts() {
  for (const auto& [index, port] : open_) {
    if (!paused_.contains(port.get())) watcher_.unwatch(port->descriptor());
  }
  if (monitor_) watcher_.unwatch(monitor_->descriptor());
}

tl::expected<void, std::string> LivePorts::open(std::vector<std::string> patterns,
                                                Missing missing) {
  patterns_ = std::move(patterns);
  // Watched before they are listed, so that no change falls between the two.
  auto monitor = InterfaceMonitor::open();
  if (!monitor) return tl::unexpected(monitor.error());
  monitor_ = *std::move(monitor);
  watcher_.watch(monitor_->descriptor(), [this] {
    while (const auto change = monitor_->next()) changed(*change);
  });

  const auto interfaces = list_interfaces();
  if (!interfaces) return tl::unexpected(interfaces.error());
  for (const std::string& pattern : patterns_) {
    if (!is_glob(pattern) &&
        std::ranges::find(*interfaces, pattern, &Interface::name) == interfaces->end()) {
      if (missing == Missing::refuse) return tl::unexpected(pattern + ": no such interface");
      user_.port_missing(pattern);
    }
  }
  std::map<int, std::string> errors;
  for (const Interface& interface : *interfaces) {
    if (!may_open(interface)) continue;
    if (auto opened = open_port(interface); !opened) {
      errors.emplace(interface.index, opened.error());
    }
  }
  if (open_.empty() && !errors.empty()) return tl::unexpected(errors.begin()->second);
  for (const auto& [index, error] : errors) {
    in_trouble_.insert(index);
    user_.port_trouble(error);
  }
  return {};
}

void LivePorts::change(std::vector<std::string> patterns) {
  patterns_ = std::move(patterns);
  const auto interfaces = list_interfaces();
  if (!interfaces) return user_.port_trouble(interfaces.error());
  for (const Interface& interface : *interfaces) {
    if (open_.contains(interface.index)) {
      if (!matches(interface, patterns_)) close_port(interface.index);
      continue;
    }
    if (may_open(interface)) try_port(interface);
  }
  const auto wanted = patterns_;  // the user may change them when called
  for (const std::string& pattern : wanted) {
    if (!is_glob(pattern) &&
        std::ranges::find(*interfaces, pattern, &Interface::name) == interfaces->end()) {
      user_.port_missing(pattern);
    }
  }
}

bool LivePorts::retry() {
  if (in_trouble_.empty()) return false;
  const auto interfaces = list_interfaces();
  if (!interfaces) return false;
  const std::size_t open_before = open_.size();
  for (const Interface& interface : *interfaces) {
    if (in_trouble_.contains(interface.index) && may_open(interface)) try_port(interface);
    if (open_.size() > open_before) return true;
  }
  return false;
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
  const bool is_named = std::ranges::find(patterns_, interface.name) != patterns_.end();
  return is_named || (interface.link.up && matches(interface, patterns_));
}

std::vector<PacketPort*> LivePorts::ports() const {
  std::vector<PacketPort*> ports;
  for (const auto& [index, port] : open_) ports.push_back(port.get());
  return ports;
}

tl::expected<void, std::string> LivePorts::open_port(const Interface& interface) {
  auto opened = PacketPort::open(interface.name, options_);
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
  if (found == open_.end()) {
    if (change.removed) {
      in_trouble_.erase(interface.index);
    } else if (may_open(interface)) {
      try_port(interface);
    }
    return;
  }
  PacketPort& port = *found->second;
  const bool renamed_away = !patterns_.empty() && interface.name != port.interface().name &&
                            !matches(interface, patterns_);
  if (change.removed || renamed_away) {
    close_port(interface.index);
    return;
  }
  const Link before = port.link();
  port.update(interface);
  if (port.link() != before) user_.port_changed(port);
}

}  // namespace aoe
