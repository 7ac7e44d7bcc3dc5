#include "target/daemon.h"

#include <csignal>
#include <utility>

#include <fmt/format.h>

namespace aoe::target {
namespace {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

/// Frames that one port is served before others have their turn.
constexpr std::size_t frames_per_turn = 4 * batch_size;

}  // namespace

Daemon::Daemon(Service& service, const std::vector<std::string>& interfaces, Log log)
    : service_(service), log_(std::move(log)), ports_(watcher_, interfaces, *this) {}

Daemon::~Daemon() {
  for (PacketPort* port : ports_.ports()) service_.forget(*port);
  for (const auto& store : stores_) store->release();  // the stores close them
}

tl::expected<std::unique_ptr<Daemon>, std::string> Daemon::open(
    Service& service, const std::vector<std::string>& interfaces, Log log) {
  std::unique_ptr<Daemon> daemon(new Daemon(service, interfaces, std::move(log)));
  daemon->signals_.add(SIGINT);
  daemon->signals_.add(SIGTERM);
  daemon->signals_.async_wait([loop = &daemon->loop_](const error_code& error, int) {
    if (!error) loop->stop();
  });
  if (auto opened = daemon->ports_.open(); !opened) return tl::unexpected(opened.error());
  for (const Service::View& lun : service.luns()) {
    if (lun.store.descriptor() < 0) continue;
    daemon->stores_.push_back(
        std::make_unique<stream_descriptor>(daemon->loop_, lun.store.descriptor()));
    daemon->watch_store(lun.store, *daemon->stores_.back());
  }
  return daemon;
}

void Daemon::run() {
  if (ports_.ports().empty()) log_("no Ethernet interface is up yet");
  log_("ready");
  loop_.run();
  log_counters();
}

void Daemon::port_opened(PacketPort& port) {
  port_changed(port);
}

void Daemon::port_readable(PacketPort& port) {
  service_.serve(port, frames_per_turn);
}

void Daemon::port_changed(PacketPort& port) {
  const Link link = port.link();
  const std::string& name = port.interface().name;
  if (!link.up) {
    log_(fmt::format("{} is down", name));
    return;
  }
  log_(fmt::format("on {} ({}), MTU {}, {} sectors per frame", name, link.mac, link.mtu,
                   sectors_per_frame(link.mtu)));
  service_.announce(port);
}

void Daemon::port_closing(PacketPort& port) {
  service_.forget(port);
  log_(fmt::format("{} is gone", port.interface().name));
}

void Daemon::port_trouble(const std::string& what) {
  log_(what);
}

void Daemon::watch_store(Store& store, stream_descriptor& readable) {
  readable.async_wait(stream_descriptor::wait_read, [&, this](const error_code& error) {
    if (error) return;
    store.reap();
    service_.settle();
    watch_store(store, readable);
  });
}

void Daemon::log_counters() const {
  const LunCounters c = service_.counters();
  log_(fmt::format("stopped after {} requests and {} replies, {} of them errors", c.requests,
                   c.replies, c.aoe_errors + c.ata_errors));
  for (const PacketPort* port : ports_.ports()) {
    const PortCounters p = port->counters();
    if (p.receive_dropped + p.send_dropped == 0) continue;
    log_(fmt::format("{}: {} frames lost before they were read, {} not sent",
                     port->interface().name, p.receive_dropped, p.send_dropped));
  }
}

}  // namespace aoe::target
