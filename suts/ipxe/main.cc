// aoe-ipxe: iPXE in a virtual machine, whose card is an interface of this machine, as a program that
// reads and writes a disk by lines on its standard input.
#include <cstdio>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>

#include "suts/guest/cable.h"
#include "suts/ipxe/firmware.h"
#include "suts/ipxe/session.h"

namespace {

using aoe::guest::Firmware;

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;

int complain(const std::string& complaint) {
  fmt::print(stderr, "aoe-ipxe: {}\n", complaint);
  return exit_failure;
}

/// Serves until standard input ends. Frames pass on a thread of their own meanwhile.
Firmware::Result serve(const aoe::guest::FirmwareParts& parts, const std::string& interface,
                       const std::string& device) {
  auto port = aoe::PacketPort::open(interface);
  if (!port) return tl::unexpected(port.error());
  const aoe::Mac address = (*port)->link().mac;
  Firmware firmware;
  boost::asio::io_context loop;
  aoe::guest::Cable cable(loop, *std::move(port), firmware.take_card(), [] {});
  std::thread frames([&loop] { loop.run(); });
  Firmware::Result served = firmware.start(parts, address);
  if (served) aoe::guest::Session(firmware, device, stdin, stdout).run();
  loop.stop();
  frames.join();
  return served;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "iPXE in a virtual machine, which reads and writes a disk as its standard input says");
  app.name("aoe-ipxe");
  std::string device;
  std::string interface;
  std::string folder;
  bool version = false;
  app.add_flag("--version", version, "Print iPXE's version");
  app.add_option("device", device, "The disk, such as e1.1");
  app.add_option("--interface", interface, "What the machine's card is connected to");
  app.add_option("--firmware", folder, "The folder that suts/ipxe/fetch has filled")
      ->envname("AOE_IPXE");
  try {
    app.parse(argc, argv);
    if (!version && device.empty()) throw CLI::RequiredError("device");
    if (!version && interface.empty()) throw CLI::RequiredError("--interface");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : exit_usage;
  }
  const auto parts = aoe::guest::find_firmware(folder);
  if (!parts) return complain(parts.error());
  if (version) {
    fmt::print("iPXE {}\n", parts->release);
    return 0;
  }
  const auto served = serve(*parts, interface, device);
  return served ? 0 : complain(served.error());
}
