#include "suts/linux/driver.h"

#include <csignal>
#include <cstdio>
#include <cstring>
#include <functional>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "suts/linux/agent_client.h"
#include "suts/guest/cable.h"
#include "suts/linux/guest_tree.h"
#include "wire/interfaces.h"

namespace aoe::guest {
namespace {

class Driver {
 public:
  explicit Driver(const DriverOptions& options) : options_(options) {}

  tl::expected<void, std::string> run(const Parts& parts) {
    auto port = PacketPort::open(options_.interface);
    if (!port) return tl::unexpected(port.error());
    auto monitor = InterfaceMonitor::open();
    if (!monitor) return tl::unexpected(monitor.error());
    monitor_ = *std::move(monitor);
    auto machine = Machine::start(parts);
    if (!machine) return tl::unexpected(machine.error());

    agent_.emplace(loop_, (*machine)->take_agent(), [this] { end("the machine has ended"); });
    cable_.emplace(loop_, *std::move(port), (*machine)->take_card(),
                   [this] { follow_interface(); });
    tree_.emplace(*agent_);
    signals_.emplace(loop_, SIGINT, SIGTERM);  // until then they end it at once, which is right
    signals_->async_wait([this](const boost::system::error_code& error, int) {
      if (!error) stop();
    });
    watcher_.watch(monitor_->descriptor(), [this] { follow_interface(); });
    set_up();
    loop_.run();
    const PortCounters counters = cable_->port().counters();
    if (counters.receive_dropped + counters.send_dropped > 0) {
      fmt::print("lost: {} frames to the guest, {} from it\n", counters.receive_dropped,
                 counters.send_dropped);
    }
    if (!tree_->close()) end(options_.folder + ": could not be unmounted");
    if (trouble_.empty()) return {};
    return tl::unexpected(trouble_);
  }

 private:
  void set_up() {
    set_interface(false, [this] {
      ask(Operation::load_aoe,
          {.bytes =
               fmt::format("aoe_deadsecs={} aoe_maxout={}", options_.deadsecs, options_.maxout)},
          "loading the aoe module", [this] { set_interface(true, [this] { mount(); }); });
    });
  }
  void mount() {
    auto mounted = tree_->mount(loop_, options_.folder, [this] { loop_.stop(); });
    if (!mounted) return end(mounted.error());
    fmt::print("ready\n");
    std::fflush(stdout);
  }

  /// The guest's card has the interface's address and MTU.
  void set_interface(bool up, std::function<void()> then) {
    const Link link = cable_->port().link();
    ask(Operation::set_interface,
        {.offset = link.mtu,
         .length = up ? 1U : 0U,
         .bytes = {link.mac.octets.begin(), link.mac.octets.end()}},
        fmt::format("giving the guest's eth0 {} and MTU {}", link.mac, link.mtu), std::move(then));
  }
  void follow_interface() {
    while (const auto change = monitor_->next()) {
      const Link before = cable_->port().link();
      if (change->removed || change->interface.name != options_.interface) continue;
      cable_->port().update(change->interface);
      const Link& link = change->interface.link;
      if (link.mac == before.mac && link.mtu == before.mtu) continue;
      // What comes later on the wire finds the guest's card changed, as a card of its own would be.
      cable_->hold();
      set_interface(true, [this] { cable_->release(); });
    }
  }

  /// What must succeed.
  void ask(Operation operation, Message question, std::string what, std::function<void()> then) {
    agent_->ask(operation, std::move(question),
                [this, what = std::move(what), then = std::move(then)](const Message& answer) {
                  if (answer.code == 0) return then();
                  end(fmt::format("{}: {}", what, std::strerror(static_cast<int>(answer.code))));
                });
  }
  void stop() {
    signals_->async_wait([this](const boost::system::error_code& error, int) {
      if (!error) loop_.stop();
    });
    if (!tree_->is_mounted()) return loop_.stop();
    tree_->unmount();
  }
  void end(const std::string& trouble) {
    if (trouble_.empty()) trouble_ = trouble;
    loop_.stop();
  }

  const DriverOptions& options_;
  boost::asio::io_context loop_;
  std::optional<boost::asio::signal_set> signals_;
  AsioWatcher watcher_{loop_};
  std::unique_ptr<InterfaceMonitor> monitor_;
  std::optional<AgentClient> agent_;
  std::optional<Cable> cable_;
  std::optional<GuestTree> tree_;
  std::string trouble_;
};

}  // namespace

tl::expected<void, std::string> run_driver(const Parts& parts, const DriverOptions& options) {
  return Driver(options).run(parts);
}

}  // namespace aoe::guest
