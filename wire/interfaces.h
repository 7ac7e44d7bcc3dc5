// This machine's network interfaces: their present state, and notices of changes (rtnetlink).
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "proto/address.h"
#include "wire/frame_port.h"

namespace aoe {

/// The longest name of an interface, in bytes: an altname's. A first name has 15 at most.
inline constexpr std::size_t interface_name_size_max = 127;

struct Interface {
  int index = 0;
  std::string name;
  Link link{};
  bool ethernet = false;  // an Ethernet device (lo is not one, though it carries frames when named)
  std::vector<std::string> altnames{};  // other names (ip link property add dev eth0 altname ...)
  std::string kind{};                   // "veth", "bridge", ...; empty for a card
  // The bridge, bond or team that it is a port of, and that takes its frames: a socket on the port of a
  // bridge gets none. Index 0 and empty where there is none.
  int master_index = 0;
  std::string master{};       // its name
  std::string master_kind{};  // "bridge", "bond", "team" or "openvswitch"

  bool operator==(const Interface&) const = default;
  /// Returns whether this is its name, or one of its altnames.
  bool is_called(std::string_view wanted) const;
  bool is_port() const { return master_index != 0; }
};

/// All interfaces of this network namespace, by index. A link counts as up when it is
/// administratively up and has a carrier; an MTU above 65535 (lo's is 65536) is given as 65535.
tl::expected<std::vector<Interface>, std::string> list_interfaces();

/// Finds interfaces by name or altname, up or not, in that order and each once.
/// Error: "eth9: no such interface".
tl::expected<std::vector<Interface>, std::string> choose_interfaces(
    const std::vector<std::string>& names);

/// What a program uses that is given no interfaces: every network, or only those that lead out of
/// this machine.
enum class Scope { everywhere, outside };

/// Returns why a program that is given no interfaces leaves this Ethernet interface out: "a port of
/// the bridge br0, which gets its frames". Scope::outside also leaves out the networks of containers
/// and virtual machines, by the names that their managers give to bridges and veths (docker0, virbr0,
/// veth12345, ...). Empty where it is used.
std::string why_left_out(const Interface& interface, Scope scope);

/// Returns whether one of `patterns` covers the interface: its name or altname, or a glob ("eth*"),
/// which covers the names of Ethernet interfaces only.
bool matches(const Interface& interface, const std::vector<std::string>& patterns);
/// The same where no patterns stand for every Ethernet interface that is not left out.
bool matches(const Interface& interface, const std::vector<std::string>& patterns, Scope scope);
/// Returns whether the pattern is a glob, for which no interface has to exist yet.
bool is_glob(const std::string& pattern);
/// Returns whether an interface could have this name or altname.
bool could_be_interface(std::string_view name);
/// Returns the names, altnames and globs of a list that is separated by commas and white space (or ends
/// with a NUL, as aoe-interfaces(8) writes it); none where the list is empty.
/// Error: "'a/b' is not the name of an interface".
tl::expected<std::vector<std::string>, std::string> parse_interfaces(std::string_view list);
/// The same for a list that has to name one at least. Error: "'' names no interface".
tl::expected<std::vector<std::string>, std::string> parse_some_interfaces(std::string_view list);
/// Returns those of `patterns` that cover none of the interfaces.
std::vector<std::string> find_unmatched(const std::vector<Interface>& interfaces,
                                        const std::vector<std::string>& patterns);

/// Returns a line about one of those: "eth9: no such interface yet", "lan*: matches no interface yet".
std::string unmatched_text(const std::string& pattern);

/// Reports changes of interfaces since open(): an interface is new or removed, or its names, MAC,
/// MTU, state or master have changed. Owns a netlink socket; an event loop waits for descriptor() and
/// calls next() until it returns nothing. A program that opens its monitor before it lists the
/// interfaces misses no change.
class InterfaceMonitor {
 public:
  struct Change {
    Interface interface;
    bool removed = false;
  };

  static tl::expected<std::unique_ptr<InterfaceMonitor>, std::string> open();
  InterfaceMonitor(const InterfaceMonitor&) = delete;
  InterfaceMonitor& operator=(const InterfaceMonitor&) = delete;
  ~InterfaceMonitor();

  int descriptor() const;
  /// Returns the next change, or nothing when none waits. After the kernel dropped notices because
  /// they came too fast, all removed interfaces are reported, then the state of all others as if
  /// each had just changed. A removed interface is reported with its last known state. Never
  /// blocks.
  std::optional<Change> next();

 private:
  struct Socket;
  explicit InterfaceMonitor(std::unique_ptr<Socket> socket);
  std::unique_ptr<Socket> socket_;
};

}  // namespace aoe
