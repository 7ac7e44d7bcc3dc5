// `aoe-harness doctor`: what this machine can run, and how to get the rest.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/descriptor.h"
#include "harness/commands/commands.h"
#include "harness/language/implementation.h"
#include "harness/run/child_pool.h"
#include "harness/run/exit_status.h"
#include "harness/world/faulty_file.h"
#include "harness/world/process.h"
#include "wire/network_namespace.h"
#include "wire/packet_port.h"

namespace aoe::harness {
namespace {

/// Something that a run may need.
struct Ability {
  std::string name;  // "network namespaces"
  bool is_there;
  std::string detail;  // how, or where; else what is in the way, and how to get it
  bool is_needed;      // by the veth world; else by some tests and reports only
};

using Attempt = std::function<tl::expected<std::string, std::string>()>;

/// Tries it in a process of its own, which the trial may change as it likes. What the trial returns
/// becomes the detail.
Ability try_apart(const std::string& name, bool is_needed, const Attempt& trial) {
  constexpr char good = '+';
  constexpr char bad = '-';
  std::string said(1, bad);
  ChildPool pool;
  pool.work = [&](std::size_t) {
    const auto result = trial();
    return result ? good + *result : bad + result.error();
  };
  pool.ended = [&](const ChildEnd& end) {
    said = end.death.empty() ? end.output : bad + end.death;
  };
  pool.run(1);
  return {name, said.front() == good, said.substr(1), is_needed};
}

tl::expected<std::string, std::string> try_namespaces() {
  const bool is_root = ::geteuid() == 0;
  if (auto entered = enter_network_namespace(); !entered) return tl::unexpected(entered.error());
  return is_root ? "as root" : "through a user namespace";
}

tl::expected<void, std::string> make_cable() {
  if (auto entered = enter_network_namespace(); !entered) return entered;
  const std::string ip = find_program("ip");
  if (auto made = run_program(
          {ip, "link", "add", "name", "doctor0", "type", "veth", "peer", "name", "doctor1"});
      !made)
    return made;
  return run_program({ip, "link", "set", "doctor0", "up"});
}

tl::expected<std::string, std::string> try_veth() {
  if (auto made = make_cable(); !made) return tl::unexpected(made.error());
  return "";
}

tl::expected<std::string, std::string> try_packet_socket() {
  if (auto made = make_cable(); !made) return tl::unexpected(made.error());
  const auto port = PacketPort::open("doctor0");
  if (!port) return tl::unexpected(port.error());
  return "";
}

tl::expected<std::string, std::string> try_fuse() {
  if (auto entered = enter_network_namespace(); !entered) return tl::unexpected(entered.error());
  if (auto entered = enter_mount_namespace(); !entered) return tl::unexpected(entered.error());
  std::string path = std::filesystem::temp_directory_path() / "aoe-doctor-XXXXXX";
  const Descriptor backing(::mkstemp(path.data()));
  if (backing.get() < 0) return tl::unexpected(fmt::format("{}: {}", path, last_error().message()));
  std::string trouble;
  if (const auto mounted = FaultyFile::mount(backing.get(), path); !mounted) {
    trouble = mounted.error();
  }
  ::unlink(path.c_str());
  if (!trouble.empty()) return tl::unexpected(trouble);
  return "disks with faults, mounted disks";
}

Ability look_for(const std::string& program, bool is_needed, const std::string& package,
                 const std::string& use) {
  const std::string path = find_program(program);
  const bool found = path.find('/') != std::string::npos;
  return {program, found, found ? path : fmt::format("{}: apt-get install {}", use, package),
          is_needed};
}

Ability look_for_scapy() {
  const bool found =
      static_cast<bool>(run_program({find_program("python3"), "-c", "import scapy.contrib.aoe"}));
  return {"scapy", found, found ? "" : "steps in Python: apt-get install python3-scapy", false};
}

/// Looks for an implementation in a virtual machine, whose program says itself what it lacks.
Ability look_for_guest(const std::string& sut) {
  const std::string program = find_program("aoe-" + sut);
  const std::string use = "--sut " + sut + ": ";
  if (program.find('/') == std::string::npos)
    return {sut, false, use + "it is in the project's build folder only", false};
  const auto printed = output_of({program, "--version"});
  std::string detail = printed ? *printed : printed.error();
  const std::string before = fmt::format(": aoe-{}: ", sut);
  if (const std::size_t said = detail.find(before); said != std::string::npos)
    detail = use + detail.substr(said + before.size());
  while (detail.ends_with('\n')) detail.pop_back();
  return {sut, printed.has_value(), detail, false};
}

std::string shown(const Ability& ability) {
  const std::string_view mark = ability.is_there ? "ok" : ability.is_needed ? "MISSING" : "missing";
  std::string line = fmt::format("  {:<8} {:<20} {}", mark, ability.name, ability.detail);
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

std::vector<Ability> examine() {
  return {try_apart("network namespaces", true, try_namespaces),
          look_for("ip", true, "iproute2", "network namespaces"),
          try_apart("veth", true, try_veth),
          try_apart("packet sockets", true, try_packet_socket),
          try_apart("fuse", false, try_fuse),
          look_for("aoe-target", true, "aoe-target", "the target that is tested by default"),
          look_for("aoe-initiator", false, "aoe-initiator", "--sut aoe-initiator"),
          look_for("vblade", false, "vblade", "--sut vblade"),
          look_for_scapy(),
          look_for("tcpdump", false, "tcpdump", "a second opinion on captures"),
          look_for("tshark", false, "tshark", "a second opinion on captures"),
          look_for_guest("linux"),
          look_for_guest("ipxe"),
          look_for("qemu-system-x86_64", false, "qemu-system-x86", "--sut linux, --sut ipxe"),
          look_for("chromium", false, "chromium", "a look at the report")};
}

int doctor() {
  const std::vector<Ability> abilities = examine();
  for (const Ability& ability : abilities) fmt::print("{}\n", shown(ability));
  const auto is_lacking = [](const Ability& ability) {
    return ability.is_needed && !ability.is_there;
  };
  const bool fit = std::ranges::none_of(abilities, is_lacking);
  fmt::print("{}\n", fit ? "This machine can run the sim and veth worlds."
                         : "This machine can run the sim world only.");
  return fit ? exit_passed : exit_environment;
}

}  // namespace

void add_doctor_command(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("doctor", "Say what this machine can run, and how to get the rest");
  command->footer("Exit status: 0 the veth world can be had, 3 it can't.");
  command->callback([&action] { action = doctor; });
}

}  // namespace aoe::harness
