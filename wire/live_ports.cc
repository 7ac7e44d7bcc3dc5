#include "wire/live_ports.h"

#include <algorithm>
#include <utility>

namespace aoe {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

LivePorts::LivePorts(boost::asio::io_context& loop, std::vector<std::string> names, User& user)
    : loop_(loop), names_(std::move(names)), user_(user), changes_(loop) {}

LivePorts::~LivePorts() {
  // The descriptors belong to the ports and to the monitor, which close them.
  for (const auto& open : open_) {
    open->closing = true;
    open->readable.release();
  }
  if (changes_.is_open()) changes_.release();
}

tl::expected<void, std::string> LivePorts::open() {
  // Changes are heard from before the first look, so that none falls between.
  auto monitor = InterfaceMonitor::open();
  if (!monitor) return tl::unexpected(monitor.error());
  monitor_ = std::move(*monitor);
  const auto interfaces = choose_interfaces(names_);
  if (!interfaces) return tl::unexpected(interfaces.error());
  for (const Interface& interface : *interfaces) {
    if (auto opened = open_port(interface); !opened) return opened;
  }
  changes_.assign(monitor_->descriptor());
  wait_changes();
  return {};
}

tl::expected<void, std::string> LivePorts::open_port(const Interface& interface) {
  auto port = PacketPort::open(interface.name);
  if (!port) return tl::unexpected(port.error());
  const int descriptor = (*port)->descriptor();
  const auto open =
      std::make_shared<Open>(Open{std::move(*port), stream_descriptor(loop_, descriptor), false});
  open_.push_back(open);
  user_.port_opened(*open->port);
  wait_frames(open);
  return {};
}

void LivePorts::wait_frames(const std::shared_ptr<Open>& open) {
  open->readable.async_wait(stream_descriptor::wait_read, [this, open](const error_code& error) {
    if (error || open->closing) return;
    user_.port_readable(*open->port);
    wait_frames(open);
  });
}

void LivePorts::wait_changes() {
  changes_.async_wait(stream_descriptor::wait_read, [this](const error_code& error) {
    if (error) return;
    while (const auto change = monitor_->next()) changed(*change);
    wait_changes();
  });
}

bool LivePorts::is_wanted(const Interface& interface) const {
  if (names_.empty()) return interface.ethernet && interface.link.up;
  return std::ranges::find(names_, interface.name) != names_.end();
}

void LivePorts::changed(const InterfaceMonitor::Change& change) {
  const Interface& now = change.interface;
  const auto found = std::ranges::find_if(
      open_, [&](const auto& open) { return open->port->interface().index == now.index; });
  if (found != open_.end()) {
    const std::shared_ptr<Open> open = *found;
    if (change.removed) {
      close(open);
    } else if (open->port->interface() != now) {
      open->port->update(now);
      user_.port_changed(*open->port);
    }
  } else if (!change.removed && is_wanted(now)) {
    if (const auto opened = open_port(now); !opened) user_.port_trouble(opened.error());
  }
}

void LivePorts::close(const std::shared_ptr<Open>& open) {
  open->closing = true;
  user_.port_closing(*open->port);
  open->readable.release();
  std::erase(open_, open);
}

}  // namespace aoe
