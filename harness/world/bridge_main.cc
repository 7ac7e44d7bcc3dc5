// aoe-bridge: carries AoE frames between two interfaces and mistreats some, for tests of real
// programs.
//
// Runs until SIGTERM or SIGINT, then says what it did. Built with the tests, and not installed.
#include <getopt.h>

#include <charconv>
#include <csignal>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "harness/world/bridge.h"
#include "wire/asio_watcher.h"
#include "wire/packet_port.h"

namespace aoe::harness {
namespace {

using Clock = std::chrono::steady_clock;
using End = Bridge::End;

constexpr std::string_view usage =
    R"(Usage: aoe-bridge [OPTION...] INTERFACE_A INTERFACE_B
Carries AoE frames both ways between two interfaces until it is ended.

  --loss PERCENT       Of the frames are lost
  --duplicate PERCENT  Arrive twice
  --reorder PERCENT    Are held back for a millisecond while others go on
  --delay US           Microseconds that every frame takes
  --jitter US          And up to so many more
  --seed N             Of all chances (default 1)

Example: aoe-bridge --loss 2 --reorder 1 eth0 eth1
)";

struct Arguments {
  Bridge::Options options;
  std::string a, b;  // interfaces
};

bool parse_number(std::string_view text, double max, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value >= 0 && value <= max;
}

/// The text that is wrong; empty when all is well.
std::string parse(int argc, char** argv, Arguments& arguments) {
  enum Option { loss, duplicate, reorder, delay, jitter, seed, help };
  static constexpr std::array<option, 8> options{{
      {"loss", required_argument, nullptr, loss},
      {"duplicate", required_argument, nullptr, duplicate},
      {"reorder", required_argument, nullptr, reorder},
      {"delay", required_argument, nullptr, delay},
      {"jitter", required_argument, nullptr, jitter},
      {"seed", required_argument, nullptr, seed},
      {"help", no_argument, nullptr, help},
      {},
  }};
  constexpr std::array<double, 6> most{100, 100, 100, 10e6, 10e6, 1e15};
  int index = 0;
  for (int found = 0; (found = getopt_long(argc, argv, "", options.data(), &index)) != -1;) {
    if (found == help) {
      fmt::print("{}", usage);
      std::exit(0);
    }
    if (found < loss || found > seed) return "aoe-bridge --help shows how";
    double value = 0;
    if (!parse_number(optarg, most[static_cast<std::size_t>(found)], value)) {
      return fmt::format("--{} {}: not a number in its range",
                         options[static_cast<std::size_t>(index)].name, optarg);
    }
    const auto microseconds =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::micro>(value));
    switch (static_cast<Option>(found)) {
      case loss: arguments.options.loss = value / 100; break;
      case duplicate: arguments.options.duplicate = value / 100; break;
      case reorder: arguments.options.reorder = value / 100; break;
      case delay: arguments.options.delay = microseconds; break;
      case jitter: arguments.options.jitter = microseconds; break;
      case seed: arguments.options.seed = static_cast<std::uint64_t>(value); break;
      case help: break;
    }
  }
  if (argc - optind != 2) return "two interfaces are needed (aoe-bridge --help shows how)";
  arguments.a = argv[optind];
  arguments.b = argv[optind + 1];
  return {};
}

int fail(const std::string& what, int status) {
  fmt::print(stderr, "aoe-bridge: {}\n", what);
  return status;
}

Instant instant(Clock::time_point time) {
  return Instant(time.time_since_epoch());
}

int run(const Arguments& arguments) {
  PacketPort::Options promiscuous;
  promiscuous.promiscuous = true;
  const auto a = PacketPort::open(arguments.a, promiscuous);
  if (!a) return fail(a.error(), 1);
  const auto b = PacketPort::open(arguments.b, promiscuous);
  if (!b) return fail(b.error(), 1);

  boost::asio::io_context loop;
  AsioWatcher watcher(loop);
  boost::asio::steady_timer timer(loop);
  Bridge bridge(**a, **b, arguments.options);

  Instant timer_due = never;
  std::function<void()> set_timer = [&] {
    if (bridge.deadline() >= timer_due) return;
    timer_due = bridge.deadline();
    timer.expires_at(Clock::time_point(timer_due.time_since_epoch()));
    timer.async_wait([&](const boost::system::error_code& error) {
      if (error) return;
      bridge.tick(instant(Clock::now()));
      timer_due = never;
      set_timer();
    });
  };
  const auto carry = [&](const PacketPort& port, End from) {
    watcher.watch(port.descriptor(), [&, from] {
      bridge.forward(from, instant(Clock::now()));
      set_timer();
    });
  };
  carry(**a, End::a);
  carry(**b, End::b);
  boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
  signals.async_wait([&](const boost::system::error_code&, int) { loop.stop(); });

  fmt::print(stderr, "aoe-bridge: ready\n");
  loop.run();

  watcher.unwatch((*a)->descriptor());
  watcher.unwatch((*b)->descriptor());
  for (const auto& [from, name] : {std::pair(End::a, arguments.a), {End::b, arguments.b}}) {
    const Bridge::Counts counts = bridge.counts(from);
    fmt::print(stderr, "aoe-bridge: from {}: {} frames, {} lost, {} doubled, {} held back\n", name,
               counts.frames, counts.lost, counts.doubled, counts.held_back);
  }
  return 0;
}

}  // namespace
}  // namespace aoe::harness

int main(int argc, char** argv) {
  aoe::harness::Arguments arguments;
  if (const auto wrong = aoe::harness::parse(argc, argv, arguments); !wrong.empty()) {
    return aoe::harness::fail(wrong, 2);
  }
  return aoe::harness::run(arguments);
}
