#include "suts/linux/driver.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "suts/guest/cable.h"
#include "suts/linux/agent_client.h"
#include "suts/linux/guest_tree.h"
#include "wire/interfaces.h"

namespace aoe::guest {
namespace {

class Driver {
 public:
  explicit Driver(const DriverOptions& options) : options_(options) {}

  tl::expected<void, std::string> run(const Parts& parts) {
    std::vector<std::unique_ptr<PacketPort>> ports;
    for (const std::string& interface : options_.interfaces) {
      auto port = PacketPort::open(interface);
      if (!port) return tl::unexpected(port.error());
      ports.push_back(*std::move(port));
    }
    auto monitor = InterfaceMonitor::open();
    if (!monitor) return tl::unexpected(monitor.error());
    monitor_ = *std::move(monitor);
    auto machine = Machine::start(parts);
    if (!machine) return tl::unexpected(machine.error());

    agent_.emplace(loop_, (*machine)->take_agent(), [this] { end("the machine has ended"); });
    for (std::size_t card = 0; card < ports.size(); ++card) {
      cables_.push_back(std::make_unique<Cable>(loop_, std::move(ports[card]),
                                                (*machine)->take_card(card),
                                                [this] { follow_interfaces(); }));
    }
    tree_.emplace(*agent_);
    signals_.emplace(loop_, SIGINT, SIGTERM);  // until then they end it at once, which is right
    signals_->async_wait([this](const boost::system::error_code& error, int) {
      if (!error) stop();
    });
    watcher_.watch(monitor_->descriptor(), [this] { follow_interfaces(); });
    set_up();
    loop_.run();
    for (const auto& cable : cables_) {
      const PortCounters counters = cable->port().counters();
      if (counters.receive_dropped + counters.send_dropped > 0) {
        fmt::print("lost: {} frames to the guest, {} from it\n", counters.receive_dropped,
                   counters.send_dropped);
      }
    }
    if (!tree_->close()) end(options_.folder + ": could not be unmounted");
    if (trouble_.empty()) return {};
    return tl::unexpected(trouble_);
  }

 private:
  void set_up() {
    set_interfaces(false, [this] {
      ask(Operation::load_aoe,
          {.bytes =
               fmt::format("aoe_deadsecs={} aoe_maxout={}", options_.deadsecs, options_.maxout)},
          "loading the aoe module", [this] { set_interfaces(true, [this] { mount(); }); });
    });
  }
  void mount() {
    auto mounted = tree_->mount(loop_, options_.folder, [this] { loop_.stop(); });
    if (!mounted) return end(mounted.error());
    fmt::print("ready\n");
    std::fflush(stdout);
  }

  /// All cards, one after the other, from this one on.
  void set_interfaces(bool up, std::function<void()> then, std::size_t card = 0) {
    if (card == cables_.size()) return then();
    set_interface(card, up,
                  [this, up, card, then = std::move(then)] { set_interfaces(up, then, card + 1); });
  }
  /// The guest's card has the interface's address and MTU.
  void set_interface(std::size_t card, bool up, std::function<void()> then) {
    const Link link = cables_[card]->port().link();
    ask(Operation::set_interface,
        {.handle = static_cast<std::uint32_t>(card),
         .offset = link.mtu,
         .length = up ? 1U : 0U,
         .bytes = {link.mac.octets.begin(), link.mac.octets.end()}},
        fmt::format("giving the guest's eth{} {} and MTU {}", card, link.mac, link.mtu),
        std::move(then));
  }
  void follow_interfaces() {
    while (const auto change = monitor_->next()) {
      const auto found = std::ranges::find(options_.interfaces, change->interface.name);
      if (change->removed || found == options_.interfaces.end()) continue;
      follow(static_cast<std::size_t>(found - options_.interfaces.begin()), change->interface);
    }
  }
  void follow(std::size_t card, const Interface& changed) {
    Cable& cable = *cables_[card];
    const Link before = cable.port().link();
    cable.port().update(changed);
    if (changed.link.mac == before.mac && changed.link.mtu == before.mtu) return;
    // What comes later on the wire finds the guest's card changed, as a card of its own would be.
    cable.hold();
    set_interface(card, true, [&cable] { cable.release(); });
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
  std::vector<std::unique_ptr<Cable>> cables_;  // of the cards in use
  std::optional<GuestTree> tree_;
  std::string trouble_;
};

}  // namespace

tl::expected<void, std::string> run_driver(const Parts& parts, const DriverOptions& options) {
  return Driver(options).run(parts);
}

}  // namespace aoe::guest
