// aoe-bridge: carries AoE frames between two interfaces and mistreats some, for tests of real
// programs.
//
// Runs until SIGTERM or SIGINT, then says what it did. Built with the tests, and not installed.
#include <array>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "harness/world/bridge.h"
#include "initiator/client/live_session.h"
#include "wire/asio_watcher.h"
#include "wire/packet_port.h"

namespace aoe::harness {
namespace {

struct Options {
  double loss = 0;     // percent of the frames
  double reorder = 0;  // percent of the frames
  std::vector<std::string> interfaces;
};

/// Both ends are real programs, and others judge them.
class Unjudged final : public LinkObserver {
 public:
  void sent(LedgerEntry&, Bytes, const Frame&) override {}
  void delivered(LedgerEntry&, PortIndex, Instant) override {}
  void delivered_config(const Frame&, PortIndex, Instant) override {}
  void delivered_altered(const LedgerEntry&, const Frame&, PortIndex, Instant) override {}
};

/// One way across the bridge.
struct Crossing {
  Direction direction;
  std::string from;  // an interface
  std::unique_ptr<PacketPort> port{};
  std::uint64_t frames = 0;  // that came in there

  std::string fault(std::string_view word) const {
    return fmt::format("{} {}", word, text(direction));
  }
  void arm(FaultStage& stage, std::string_view word, double percent, FaultSpec::Kind kind) const {
    Selector selector;
    selector.match.direction = direction;
    selector.probability = percent / 100;
    stage.arm({fault(word), selector, std::move(kind)}, initiator::monotonic_now());
  }
};

int run(const Options& options) {
  Unjudged nobody;
  Ledger ledger(initiator::monotonic_now(), "/tmp");
  FaultStage stage(ledger, nobody, {}, 1);
  boost::asio::io_context loop;
  std::array<Crossing, 2> ways{{{Direction::to_target, options.interfaces[0]},
                                {Direction::to_initiator, options.interfaces[1]}}};
  for (Crossing& way : ways) {
    PacketPort::Options promiscuous;
    promiscuous.promiscuous = true;
    auto port = PacketPort::open(way.from, promiscuous);
    if (!port) {
      fmt::print(stderr, "aoe-bridge: {}\n", port.error());
      return 1;
    }
    way.port = *std::move(port);
    way.arm(stage, "drop", options.loss, DropSpec{});
    way.arm(stage, "reorder", options.reorder, ReorderSpec{std::chrono::milliseconds(1)});
  }
  Bridge bridge(loop, stage, [&](Delivery&& delivery) {
    const Crossing& other = ways.at(delivery.to);
    const Outgoing frame{delivery.bytes, {}};
    other.port->send({&frame, 1});
    stage.recycle(std::move(delivery));
  });
  AsioWatcher watcher(loop);
  for (Crossing& way : ways) {
    watcher.watch(way.port->descriptor(), [&] {
      std::array<Bytes, batch_size> frames;
      const std::size_t count = way.port->receive(frames);
      way.frames += count;
      for (const Bytes frame : std::span(frames).first(count))
        bridge.pass(way.direction == Direction::to_target ? initiator_port : target_port, frame,
                    Origin::end);
    });
  }
  boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
  signals.async_wait([&](const boost::system::error_code&, int) { loop.stop(); });

  fmt::print(stderr, "aoe-bridge: ready\n");
  loop.run();

  for (const Crossing& way : ways) {
    watcher.unwatch(way.port->descriptor());
    fmt::print(stderr, "aoe-bridge: from {}: {} frames, {} lost, {} held back\n", way.from,
               way.frames, stage.account(way.fault("drop")).hits,
               stage.account(way.fault("reorder")).hits);
  }
  return 0;
}

}  // namespace
}  // namespace aoe::harness

int main(int argc, char** argv) {
  aoe::harness::Options options;
  CLI::App app{"Carries AoE frames both ways between two interfaces until it is ended."};
  const CLI::Range percent(0.0, 100.0);
  app.add_option("--loss", options.loss, "Percent of the frames that are lost")->check(percent);
  app.add_option("--reorder", options.reorder, "Percent that others overtake")->check(percent);
  app.add_option("interfaces", options.interfaces, "The two interfaces")->required()->expected(2);
  CLI11_PARSE(app, argc, argv);
  return aoe::harness::run(options);
}
