// aoe-target: serves a disk image or block device as an ATA over Ethernet LUN.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "target/daemon.h"
#include "target/mapped_store.h"
#include "target/privileges.h"
#include "target/service.h"

namespace aoe::target {
namespace {

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;

void log(std::string_view line) {
  fmt::print(stderr, "aoe-target: {}\n", line);
}

struct Arguments {
  int shelf = 0;
  int slot = 0;
  int buffers = 64;
  bool read_only = false;
  std::string config_string;
  std::vector<std::string> interfaces;
  std::string image;
};

void describe(CLI::App& app, Arguments& arguments) {
  app.name("aoe-target");
  app.get_formatter()->column_width(24);
  app.set_version_flag("--version", "aoe-target " AOE_VERSION, "Show the version and exit");
  app.set_help_flag("--help", "Show this help and exit");
  app.option_defaults()->always_capture_default(false);
  app.add_option("--shelf", arguments.shelf, "Shelf (major address), 0 to 65534")
      ->required()
      ->option_text("N")
      ->check(CLI::Range(0, Address::any_shelf - 1));
  app.add_option("--slot", arguments.slot, "Slot (minor address), 0 to 254")
      ->required()
      ->option_text("N")
      ->check(CLI::Range(0, Address::any_slot - 1));
  app.add_option("--interface", arguments.interfaces,
                 "Serve on this interface; may be given again. Without it:\n"
                 "every Ethernet interface, as soon as it is up")
      ->type_name("IF")
      ->expected(1)
      ->take_all();
  app.add_flag("--read-only", arguments.read_only, "Refuse writes, and open IMAGE read-only");
  app.add_option("--buffers", arguments.buffers,
                 "Commands that a client may have outstanding, 2 to 65535\n(default 64)")
      ->option_text("N")
      ->check(CLI::Range(2, 65535));
  app.add_option("--config-string", arguments.config_string,
                 "Config string to start with, at most 1024 bytes")
      ->type_name("TEXT")
      ->check([](const std::string& text) {
        return text.size() <= config_string_size_max ? "" : "longer than 1024 bytes";
      });
  app.add_option("IMAGE", arguments.image, "Disk image or block device")
      ->required()
      ->option_text(" ");
  app.footer(
      "Serves IMAGE as an ATA over Ethernet LUN until SIGINT or SIGTERM.\n"
      "Example, the disk that Linux clients see as /dev/etherd/e0.2:\n"
      "  aoe-target --shelf 0 --slot 2 --interface eth1 disk.img");
}

/// Tells LUNs apart that have one address on several machines.
std::string serial(Address address) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return fmt::format("{}.{}:{}", address.shelf, address.slot, host.data());
}

int run(const Arguments& arguments) {
  const auto queue = make_disk_queue();
  auto file =
      File::open(arguments.image, {.use = arguments.read_only ? FileUse::read : FileUse::write});
  if (!file) {
    log(file.error());
    return exit_failure;
  }
  const std::uint64_t ignored = file->size() % sector_size;
  auto opened = MappedStore::open(*std::move(file), {0, file->size() - ignored}, *queue);
  if (!opened) {
    log(opened.error());
    return exit_failure;
  }
  LunOptions lun;
  lun.address = {static_cast<std::uint16_t>(arguments.shelf),
                 static_cast<std::uint8_t>(arguments.slot)};
  lun.sectors = (*opened)->size() / sector_size;
  lun.buffer_count = static_cast<std::uint16_t>(arguments.buffers);
  lun.firmware = 1;
  lun.read_only = arguments.read_only;
  lun.serial = std::string_view(serial(lun.address));
  lun.model = "aoe-target";
  lun.revision = AOE_VERSION;
  lun.config_string = arguments.config_string;
  Service service;
  service.add(lun, *std::move(opened));
  const auto daemon = Daemon::open(service, arguments.interfaces, log);
  if (!daemon) {
    log(daemon.error());
    return exit_failure;
  }
  log(fmt::format("{}: {}, {} sectors, mapped, {}", lun.address, arguments.image, lun.sectors,
                  arguments.read_only ? "read-only" : "read-write"));
  if (ignored > 0) {
    log(fmt::format("{}: warning: the last {} bytes are not a whole sector and are not served",
                    arguments.image, ignored));
  }
  if (!drop_privileges()) log("warning: keeping all privileges: the kernel refused to drop them");
  (*daemon)->run();

  for (const Service::View& each : service.luns()) {
    if (const auto error = flush_and_wait(each.store)) {
      log(fmt::format("{}: flushing: {}", arguments.image, error.message()));
      return exit_failure;
    }
  }
  return 0;
}

}  // namespace
}  // namespace aoe::target

int main(int argc, char** argv) {
  using namespace aoe::target;
  CLI::App app;
  Arguments arguments;
  describe(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    log(fmt::format("{} (aoe-target --help shows how)", error.what()));
    return exit_usage;
  }
  return run(arguments);
}
