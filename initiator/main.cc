// aoe-initiator: finds ATA over Ethernet disks, and reads and writes them without a kernel driver.
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>

#include "initiator/commands.h"

namespace aoe::initiator {
namespace {

constexpr int exit_usage = 2;

struct Arguments {
  CommandOptions options;
  std::int64_t deadsecs = 180;
  std::int64_t wait = 3;
  std::string device;
  Extent extent;
  bool quiet = false;
  unsigned count = 4;
  unsigned interval_ms = 1000;

  Address address() const { return *parse_address(device); }
};

std::string check_device(const std::string& text) {
  return parse_address(text) ? "" : text + ": not a device name such as e0.2";
}

/// CLI11 would take -1 for 2^64 - 1.
std::string check_bytes(const std::string& text) {
  std::uint64_t bytes = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, bytes);
  return error == std::errc() && stopped == end ? "" : text + ": not a number of bytes";
}

/// The options that every subcommand has.
CLI::App* add_command(CLI::App& app, Arguments& arguments, const char* name, const char* help) {
  CLI::App* command = app.add_subcommand(name, help);
  command->option_defaults()->always_capture_default(false);
  command
      ->add_option("--interface", arguments.options.interfaces,
                   "Use this interface; may be given again (default: all that are up)")
      ->type_name("IF")
      ->expected(1)
      ->take_all();
  command
      ->add_option("--deadsecs", arguments.deadsecs,
                   "Seconds until a silent device is down, 0: never (default 180)")
      ->type_name("N")
      ->check(CLI::Range(0, 1'000'000));
  command
      ->add_option("--maxout", arguments.options.parameters.maxout,
                   "Most unanswered commands for each target (default 128)")
      ->type_name("N")
      ->check(CLI::Range(1, 65535));
  return command;
}

void add_device(CLI::App* command, Arguments& arguments, bool required = true) {
  auto* option = command->add_option("device", arguments.device, "eSHELF.SLOT, as in e0.2")
                     ->type_name("DEVICE")
                     ->check(check_device);
  if (required) option->required();
  command
      ->add_option("--wait", arguments.wait,
                   "Seconds to wait for the device to show up (default 3)")
      ->type_name("N")
      ->check(CLI::Range(1, 86400));
}

void add_json(CLI::App* command, Arguments& arguments) {
  command->add_flag("--json", arguments.options.json, "Print JSON");
}

void add_extent(CLI::App* command, Arguments& arguments) {
  command
      ->add_option("--offset", arguments.extent.offset, "Byte of the disk to begin at (default 0)")
      ->type_name("BYTES")
      ->check(check_bytes);
  command->add_option("--length", arguments.extent.length, "Bytes to move (default: all)")
      ->type_name("BYTES")
      ->check(check_bytes);
  command->add_flag("--quiet", arguments.quiet, "No summary on standard error");
}

/// CLI11 would say that a command is missing, and not which word it does not know.
bool is_known(const CLI::App& app, const std::string& first) {
  return first == "--help" || first == "--version" ||
         std::ranges::any_of(app.get_subcommands([](const CLI::App*) { return true; }),
                             [&](const CLI::App* command) { return command->check_name(first); });
}

int run(int argc, char** argv) {
  CLI::App app("Finds ATA over Ethernet disks, and reads and writes them without a kernel driver.");
  Arguments arguments;
  app.name("aoe-initiator");
  app.set_version_flag("--version", "aoe-initiator " AOE_VERSION, "Show the version and exit");
  app.set_help_flag("--help", "Show this help and exit; after a command: that command's");
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  aoe-initiator discover --interface eth1\n"
      "  aoe-initiator read e0.2 --interface eth1 > disk.copy\n"
      "  aoe-initiator write e0.2 --interface eth1 < disk.copy");

  const auto* discover = add_command(app, arguments, "discover", "List the targets that answer");
  auto* stat =
      add_command(app, arguments, "stat", "Size, interfaces, payload and state of devices");
  auto* identify = add_command(app, arguments, "identify", "What a disk says of itself");
  auto* read = add_command(app, arguments, "read", "Copy a disk, or a part, to standard output");
  auto* write = add_command(app, arguments, "write", "Copy standard input to a disk");
  auto* ping = add_command(app, arguments, "ping", "Measure how long a target takes to answer");
  add_device(stat, arguments, false);
  for (CLI::App* command : {identify, read, write, ping}) add_device(command, arguments);
  for (CLI::App* command : {app.get_subcommand("discover"), stat, identify}) {
    add_json(command, arguments);
  }
  for (CLI::App* command : {read, write}) add_extent(command, arguments);
  ping->add_option("--count", arguments.count, "How often to ask (default 4)")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000));
  ping->add_option("--interval", arguments.interval_ms, "Milliseconds between (default 1000)")
      ->type_name("MS")
      ->check(CLI::Range(1, 3'600'000));

  if (argc > 1 && !is_known(app, argv[1])) {
    complain(std::string(argv[1]) + ": no such command (aoe-initiator --help lists them)");
    return exit_usage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    complain(std::string(error.what()) + " (aoe-initiator --help shows how)");
    return exit_usage;
  }

  CommandOptions& options = arguments.options;
  options.parameters.deadsecs = std::chrono::seconds(arguments.deadsecs);
  options.wait = std::chrono::seconds(arguments.wait);
  if (*discover) return discover_command(options);
  if (*stat) {
    return stat_command(
        options, arguments.device.empty() ? std::nullopt : std::optional(arguments.address()));
  }
  const Address device = arguments.address();
  if (*identify) return identify_command(options, device);
  if (*read) return read_command(options, device, arguments.extent, arguments.quiet);
  if (*write) return write_command(options, device, arguments.extent, arguments.quiet);
  return ping_command(options, device, arguments.count,
                      std::chrono::milliseconds(arguments.interval_ms));
}

/// Output that did not get where it was meant to go makes a failure of any success.
int run_and_check_output(int argc, char** argv) {
  constexpr int exit_failure = 1;
  int status = exit_failure;
  try {
    status = run(argc, argv);
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
    complain(std::string("standard output: ") + std::generic_category().message(errno));
  } catch (const std::system_error& error) {  // from fmt::print
    complain(std::string("standard output: ") + error.code().message());
  }
  return status == 0 ? exit_failure : status;
}

}  // namespace
}  // namespace aoe::initiator

int main(int argc, char** argv) {
  return aoe::initiator::run_and_check_output(argc, argv);
}
