// This machine's network interfaces: their present state, and notices of changes (rtnetlink).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "proto/address.h"
#include "wire/frame_port.h"

namespace aoe {

struct Interface {
  int index = 0;
  std::string name;
  Link link;
  bool ethernet = false;  // an Ethernet device (lo is not one, though it carries frames when named)

  bool operator==(const Interface&) const = default;
};

/// All interfaces of this network namespace, by index. A link counts as up when it is
/// administratively up and has a carrier; an MTU above 65535 (lo's is 65536) is given as 65535.
tl::expected<std::vector<Interface>, std::string> list_interfaces();

/// The interfaces on which a program works: those named, up or not, in that order and each once, or
/// (with no names) every Ethernet interface that is up.
/// Errors: "eth9: no such interface"; "no Ethernet interface is up".
tl::expected<std::vector<Interface>, std::string> choose_interfaces(
    const std::vector<std::string>& names);

/// Returns whether one of `patterns` covers the interface: its name, or a glob ("eth*"), which
/// covers Ethernet interfaces only. No patterns cover every Ethernet interface.
bool matches(const Interface& interface, const std::vector<std::string>& patterns);
/// Returns whether the pattern is a glob, for which no interface has to exist yet.
bool is_glob(const std::string& pattern);

/// Reports changes of interfaces since open(): an interface is new or removed, or its name, MAC,
/// MTU or state has changed. Owns a netlink socket; an event loop waits for descriptor() and calls
/// next() until it returns nothing. A program that opens its monitor before it lists the interfaces
/// misses no change.
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
