// LivePorts: the packet ports of a running program. Opens, updates and closes them as interfaces
// appear, change and disappear.
//
// Owns the ports, and waits for frames and for changes of interfaces in the event loop of a
// Watcher. Patterns select the interfaces: see matches() in interfaces.h. An interface that a
// pattern names exactly gets its port even while it is down, any other interface once it is up. One
// that becomes the port of a bridge keeps its port, and that is reported.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <system_error>
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
    /// No interface matches this pattern after change() or open(); `what` is a line for the log.
    virtual void port_missing(const std::string& what) = 0;
    /// A port is open on an interface whose frames a bridge, bond or team takes; `what` is a line for
    /// the log that names it. Called once, until that is no longer so.
    virtual void port_is_deaf(const std::string& what) = 0;
    /// An interface that is up is not used, because no pattern selects it and it is left out by
    /// default; `what` is a line for the log that says why. Called once, until that is no longer so.
    virtual void interface_left_out(const std::string& what) = 0;

   protected:
    ~User() = default;
  };

  /// What selects interfaces.
  struct Wanted {
    std::vector<std::string> patterns{};
    bool defaults = false;  // also those that are used where none are given: see why_left_out()

    bool covers(const Interface& interface, Scope scope) const;
    /// Returns whether a pattern names it exactly.
    bool names(const Interface& interface) const;
  };

  /// By names and globs of interfaces, the MTU that ports on them use at most, bytes. Where several cover
  /// an interface, the least holds.
  using MtuLimits = std::map<std::string, std::uint16_t>;

  /// `options`: of each port; those beyond four have no ring.
  LivePorts(Watcher& watcher, User& user, const PacketPort::Options& options = {},
            Scope scope = Scope::everywhere, MtuLimits mtu_limits = {});
  LivePorts(const LivePorts&) = delete;
  LivePorts& operator=(const LivePorts&) = delete;
  ~LivePorts();

  /// Why ports could not be opened.
  struct Failure {
    std::errc code;         // no_such_device_or_address: not there; operation_not_permitted; ...
    std::string interface;  // empty where it is about none of them
    std::string text;       // a line: "eth9: no such interface"
  };
  /// Opens a port on each interface that is wanted now; without exact names that may be none. Where
  /// some can't be opened, they are reported as port_trouble(). Fails where none can, or one is named
  /// that is not there; with Missing::wait that is reported as port_missing(), and the interface is
  /// used when it comes.
  enum class Missing { refuse, wait };
  tl::expected<void, Failure> open(Wanted wanted, Missing missing = Missing::refuse);

  /// Replaces what is wanted: closes ports that are not any more, and opens new ones. An interface
  /// that is missing or can't be opened is reported.
  void change(Wanted wanted);

  /// Tries again to open the ports that could not be opened: to be called now and then.
  /// Tries one of them, in turn, for the kernel may let wait for tens of milliseconds who opens a port or
  /// fails to; returns whether it was opened, so that another call may open the next.
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
  void report_missing(const std::vector<Interface>& interfaces);
  void report_state(const Interface& interface);

  Watcher& watcher_;
  Wanted wanted_;
  User& user_;
  const PacketPort::Options options_;
  const Scope scope_;
  const MtuLimits mtu_limits_;
  std::map<int, std::unique_ptr<PacketPort>> open_;  // by interface index
  std::set<const PacketPort*> paused_;
  // Interface indexes: what was reported, and is so until now.
  std::set<int> in_trouble_;  // to be retried
  int last_retried_ = 0;      // of them
  std::set<int> deaf_;
  std::set<int> left_out_;
  std::unique_ptr<InterfaceMonitor> monitor_;
};

}  // namespace aoe
