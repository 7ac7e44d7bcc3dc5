#include "wire/live_ports.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

namespace aoe {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

/// A port and its place in the loop. Handlers that are still queued keep it alive after it closed.
struct LivePorts::OpenPort {
  OpenPort(boost::asio::io_context& loop, std::unique_ptr<PacketPort> opened)
      : port(std::move(opened)), readable(loop, port->descriptor()) {}
  OpenPort(const OpenPort&) = delete;
  OpenPort& operator=(const OpenPort&) = delete;
  ~OpenPort() { close(); }

  void close() {
    closed = true;
    if (readable.is_open()) readable.release();  // the port closes the descriptor
  }

  std::unique_ptr<PacketPort> port;
  stream_descriptor readable;
  bool closed = false;
};

LivePorts::LivePorts(boost::asio::io_context& loop, std::vector<std::string> names, User& user)
    : loop_(loop), names_(std::move(names)), user_(user), changes_(loop) {}

LivePorts::~LivePorts() {
  for (const auto& [index, open] : open_) open->close();
  if (changes_.is_open()) changes_.release();
}

tl::expected<void, std::string> LivePorts::open() {
  // Watched before they are listed, so that no change falls between the two.
  auto monitor = InterfaceMonitor::open();
  if (!monitor) return tl::unexpected(monitor.error());
  monitor_ = *std::move(monitor);
  changes_.assign(monitor_->descriptor());
  watch_changes();

  const auto interfaces = names_.empty() ? list_interfaces() : choose_interfaces(names_);
  if (!interfaces) return tl::unexpected(interfaces.error());
  for (const Interface& interface : *interfaces) {
    if (!is_wanted(interface)) continue;
    if (auto opened = open_port(interface.name); !opened) return opened;
  }
  return {};
}

std::vector<PacketPort*> LivePorts::ports() const {
  std::vector<PacketPort*> ports;
  for (const auto& [index, open] : open_) ports.push_back(open->port.get());
  return ports;
}

bool LivePorts::is_wanted(const Interface& interface) const {
  if (names_.empty()) return interface.ethernet && interface.link.up;
  return std::ranges::find(names_, interface.name) != names_.end();
}

tl::expected<void, std::string> LivePorts::open_port(const std::string& name) {
  auto port = PacketPort::open(name);
  if (!port) return tl::unexpected(port.error());
  const auto open = std::make_shared<OpenPort>(loop_, *std::move(port));
  // By the opened one's index: the name may have moved to another interface meanwhile.
  if (!open_.emplace(open->port->interface().index, open).second) return {};
  user_.port_opened(*open->port);
  watch_port(open);
  return {};
}

void LivePorts::close_port(int index) {
  const auto open = std::move(open_.at(index));
  open_.erase(index);
  open->close();
  user_.port_closing(*open->port);
}

void LivePorts::watch_port(const std::shared_ptr<OpenPort>& open) {
  open->readable.async_wait(stream_descriptor::wait_read, [this, open](const error_code& error) {
    if (!error) serve_port(open);
  });
}

void LivePorts::serve_port(const std::shared_ptr<OpenPort>& open) {
  if (open->closed) return;
  if (user_.port_readable(*open->port)) {
    boost::asio::post(loop_, [this, open] { serve_port(open); });
  } else {
    watch_port(open);
  }
}

void LivePorts::watch_changes() {
  changes_.async_wait(stream_descriptor::wait_read, [this](const error_code& error) {
    if (error) return;
    while (const auto change = monitor_->next()) changed(*change);
    watch_changes();
  });
}

void LivePorts::changed(const InterfaceMonitor::Change& change) {
  const Interface& interface = change.interface;
  const auto found = open_.find(interface.index);
  if (found == open_.end()) {
    if (change.removed || !is_wanted(interface)) return;
    if (auto opened = open_port(interface.name); !opened) user_.port_trouble(opened.error());
    return;
  }
  PacketPort& port = *found->second->port;
  const bool renamed_away =
      !names_.empty() && interface.name != port.interface().name && !is_wanted(interface);
  if (change.removed || renamed_away) {
    close_port(interface.index);
    return;
  }
  const Link before = port.link();
  port.update(interface);
  if (port.link() != before) user_.port_changed(port);
}

}  // namespace aoe
