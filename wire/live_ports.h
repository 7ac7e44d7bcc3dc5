// LivePorts: the packet ports of a running program. Opens, updates and closes them as interfaces
// appear, change and disappear.
//
// Owns the ports, and waits for frames and for changes of interfaces in the event loop of a
// Watcher. Patterns select the interfaces: see matches() in interfaces.h. An interface that a
// pattern names exactly gets its port even while it is down, any other interface once it is up.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "wire/interfaces.h"
#include "wire/packet_port.h"
#include "wire/watcher.h"

namespace aoe {

class LivePorts {
 public:
  /// Called for each event of a port, from within the event loop.
  class User {
   public:
    /// A port was opened: during open(), or later when its interface comes up.
    virtual void port_opened(PacketPort& port) = 0;
    /// Frames wait at the port. Called again while frames wait, after the other ports had their
    /// turn.
    virtual void port_readable(PacketPort& port) = 0;
    /// The port's link() changed: MAC, MTU, up or down.
    virtual void port_changed(PacketPort& port) = 0;
    /// The port's interface was removed or renamed; the port is destroyed when this returns.
    virtual void port_closing(PacketPort& port) = 0;
    /// A port could not be opened, for now; `what` is a line for the log. Called once for each
    /// interface, until that has a port or is gone.
    virtual void port_trouble(const std::string& what) = 0;
    /// An interface that a pattern names exactly is not there after change(), or open() that waits.
    virtual void port_missing(const std::string& name) = 0;

   protected:
    ~User() = default;
  };

  LivePorts(Watcher& watcher, User& user, const PacketPort::Options& options = {});
  LivePorts(const LivePorts&) = delete;
  LivePorts& operator=(const LivePorts&) = delete;
  ~LivePorts();

  /// Opens a port on each interface that `patterns` select now; without exact names that may be
  /// none. Where some can't be opened, they are reported as port_trouble(). Fails where none can, or
  /// one is named that is not there: "eth9: no such interface"; with Missing::wait that is reported
  /// as port_missing(), and the interface is used when it comes.
  enum class Missing { refuse, wait };
  tl::expected<void, std::string> open(std::vector<std::string> patterns,
                                       Missing missing = Missing::refuse);

  /// Replaces the patterns: closes ports that no pattern selects any more, and opens new ones. An
  /// interface that is missing or can't be opened is reported.
  void change(std::vector<std::string> patterns);

  /// Tries again to open the ports that could not be opened: to be called now and then.
  /// Opens one at most, which the kernel may let wait for tens of milliseconds; returns whether it did,
  /// so that another call may open the next.
  bool retry();

  /// Stops and starts to wait for frames at a port, which wait in its queue meanwhile.
  void pause(PacketPort& port);
  void resume(PacketPort& port);

  /// The open ports, in the order of their interface indexes.
  std::vector<PacketPort*> ports() const;

 private:
  tl::expected<void, std::string> open_port(const Interface& interface);
  void try_port(const Interface& interface);
  void close_port(int index);
  void watch(PacketPort& port);
  void changed(const InterfaceMonitor::Change& change);
  bool may_open(const Interface& interface) const;

  Watcher& watcher_;
  std::vector<std::string> patterns_;
  User& user_;
  const PacketPort::Options options_;
  std::map<int, std::unique_ptr<PacketPort>> open_;  // by interface index
  std::set<const PacketPort*> paused_;
  std::set<int> in_trouble_;  // interface indexes: reported, to be retried
  std::unique_ptr<InterfaceMonitor> monitor_;
};

}  // namespace aoe
