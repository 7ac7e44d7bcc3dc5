// aoe-linux: the Linux kernel's aoe driver, in a virtual machine, as a program that mounts. What
// the kernel has under /dev/etherd and /sys appears in a folder, and its card is an interface of
// this machine.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "suts/linux/driver.h"

namespace {

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;

int complain(const std::string& complaint) {
  fmt::print(stderr, "aoe-linux: {}\n", complaint);
  return exit_failure;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The Linux kernel's aoe driver in a virtual machine, its files mounted on a folder");
  app.name("aoe-linux");
  aoe::guest::DriverOptions options;
  bool version = false;
  app.add_flag("--version", version, "Print the kernel's version");
  app.add_option("folder", options.folder, "Where to mount the guest's files");
  app.add_option("--interface", options.interfaces,
                 "What the guest's card is connected to; two names: two cards, by which a disk has "
                 "two paths")
      ->delimiter(',')
      ->expected(1, aoe::guest::Machine::cards)
      ->allow_extra_args(false);
  app.add_option("--deadsecs", options.deadsecs, "The module's aoe_deadsecs");
  app.add_option("--maxout", options.maxout, "The module's aoe_maxout");
  app.add_option("--kernel", options.kernel, "The folder that suts/linux/fetch has filled")
      ->envname("AOE_LINUX");
  try {
    app.parse(argc, argv);
    if (!version && options.folder.empty()) throw CLI::RequiredError("folder");
    if (!version && options.interfaces.empty()) throw CLI::RequiredError("--interface");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : exit_usage;
  }
  const auto parts = aoe::guest::find_parts(options.kernel);
  if (!parts) return complain(parts.error());
  if (version) {
    fmt::print("Linux {}\n", parts->release);
    return 0;
  }
  const auto served = aoe::guest::run_driver(*parts, options);
  return served ? 0 : complain(served.error());
}
