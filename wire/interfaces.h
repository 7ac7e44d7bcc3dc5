// Facts about this machine's network interfaces, now and as they change (rtnetlink).
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

/// Is this interface among those that a program was told to work on: a name, or a glob ("eth*") of
/// Ethernet interfaces? With no patterns, every Ethernet interface is.
bool matches(const Interface& interface, const std::vector<std::string>& patterns);
/// Is this pattern a glob, so that no interface need match it yet?
bool is_glob(const std::string& pattern);

/// Reports changes of interfaces since open(): one that is new, whose name, MAC, MTU or state is
/// another, or that is gone. Owns a netlink socket; an event loop waits for descriptor() and calls
/// next() until it returns nothing. A program that opens its monitor before it lists the interfaces
/// misses nothing.
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
  /// The next change, or nothing when none waits. Where the kernel dropped notices because they
  /// came too fast, the state of all interfaces follows as if each had just changed, after those
  /// that are gone. A removed interface is reported as it was last. Never blocks.
  std::optional<Change> next();

 private:
  struct Socket;
  explicit InterfaceMonitor(std::unique_ptr<Socket> socket);
  std::unique_ptr<Socket> socket_;
};

}  // namespace aoe
