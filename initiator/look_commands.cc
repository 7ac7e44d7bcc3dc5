// The commands discover, stat, identify, smart, interfaces, ping, sancheck and sos.
#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "initiator/argument_checks.h"
#include "initiator/command_line.h"

namespace aoe::initiator {
namespace {

constexpr const char* asks_the_target = "it asks the target, which a tree has no file for";

}  // namespace

void CommandLine::add_looking() {
  constexpr const char* group = "Look";
  Arguments& a = arguments_;
  auto* discover = add("discover", "List the targets that answer", group,
                       [&a] { return discover_command(a.options); });
  add_json(discover);
  in_tree(discover, "Let the tree mounted there discover",
          [&a] { command_in_tree(a.mount, "discover", "discover"); });

  const auto named = [&a] { return a.device.empty() ? std::nullopt : std::optional(a.address()); };
  auto* stat = add("stat", "Size, interfaces, payload and state of devices", group,
                   [&a, named] { return stat_command(a.options, named()); });
  add_device(stat);
  add_json(stat);
  in_tree(
      stat, "Show the devices of the tree mounted there",
      [&a, named] { stat_in_tree(a.options, a.mount, named()); }, true);

  auto* identify =
      add("identify", "Model, serial number, size and features of a disk", group, [&a] {
        return a.raw ? identify_raw_command(a.options, a.address())
                     : identify_command(a.options, a.address());
      });
  add_device(identify)->required();
  add_json(identify);
  identify->add_flag("--raw", a.raw, "The 512 bytes as they are; hex on a terminal")
      ->excludes(identify->get_option("--json"));
  not_in_tree(identify, asks_the_target);

  auto* smart = add("smart", "What a disk says of its health, or another SMART command", group,
                    [&a] { return smart_command(a.options, a.address(), *parse_smart(a.smart)); });
  add_device(smart)->required();
  smart
      ->add_option(
          "COMMAND", a.smart,
          "return-status (default), read-data,\nread-thresholds, read-log:N, write-log:N,\n"
          "offline-immediate:N, enable or disable")
      ->option_text(" ")
      ->check(check_smart);
  add_json(smart);
  not_in_tree(smart, asks_the_target);

  const auto chosen = [&a] {
    std::vector<std::string> names = a.options.interfaces;
    std::ranges::copy(interfaces_of(a.operands), std::back_inserter(names));
    return names;
  };
  auto* interfaces =
      add("interfaces", "List the interfaces, or set those of a mounted tree", group, [&a, chosen] {
        if (a.all) throw Refused("interfaces: --clear needs --mount");
        a.options.interfaces = chosen();
        return interfaces_command(a.options);
      });
  auto* names =
      interfaces->add_option("IF", a.operands, "Only these; for a tree: these from now on")
          ->option_text(" ")
          ->check(check_interfaces);
  interfaces->add_flag("-c,--clear", a.all, "With --mount: use all again")
      ->excludes(names)
      ->excludes(interfaces->get_option("--interface"))
      ->option_text(" ");
  add_json(interfaces);
  in_tree(interfaces, "The tree mounted there", [&a, chosen] {
    if (a.all) return command_in_tree(a.mount, "interfaces", "");
    interfaces_in_tree(a.mount, chosen());
  });

  auto* ping = add("ping", "Measure how long a target takes to answer", group, [&] {
    status_ = ping_command(a.options, a.address(), a.count == 0 ? 4 : a.count,
                           std::chrono::milliseconds(a.interval_ms));
  });
  add_device(ping)->required();
  add_number(ping, "--count", a.count, {1, 1'000'000}, "How often to ask (4)");
  add_number(ping, "--interval", a.interval_ms, {1, 3'600'000}, "Milliseconds between (1000)",
             "MS");
  not_in_tree(ping, asks_the_target);

  auto* sancheck = add("sancheck", "Look for lost frames and other faults on all paths", group,
                       [&a] { return sancheck_command(a.options, a.count == 0 ? 10 : a.count); });
  add_number(sancheck, "--count", a.count, {1, 100'000}, "Requests of each kind on a path (10)");
  add_json(sancheck);
  not_in_tree(sancheck, asks_the_target);

  auto* sos = add("sos", "Print what a report of a fault should have, as JSON", group,
                  [&a] { return sos_command(a.options, AOE_VERSION); });
  in_tree(sos, "Report on the tree mounted there", [&a] { sos_in_tree(a.mount, AOE_VERSION); });
}

}  // namespace aoe::initiator
