// The packet ports of a running program, on the interfaces it works on, kept as those come, change
// and go.
//
// Owns the ports; waits for them, and for changes of the interfaces, in the loop of a Watcher.
// Which interfaces those are, patterns say: see matches() in interfaces.h. An interface that is
// named gets its port even while it is down, any other as soon as it is up.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "wire/interfaces.h"
#include "wire/packet_port.h"
#include "wire/watcher.h"

namespace aoe {

class LivePorts {
 public:
  /// Told of the ports, from within the loop.
  class User {
   public:
    /// A port is open: within open(), or later when its interface comes up.
    virtual void port_opened(PacketPort& port) = 0;
    /// Frames wait. Called again while some do, after others had their turn.
    virtual void port_readable(PacketPort& port) = 0;
    /// Its link() changed: MAC, MTU, up or down.
    virtual void port_changed(PacketPort& port) = 0;
    /// Its interface is gone, or has another name now; the port goes when this returns.
    virtual void port_closing(PacketPort& port) = 0;
    /// A port that came up later could not be opened: a line for the log.
    virtual void port_trouble(const std::string& what) = 0;

   protected:
    ~User() = default;
  };

  LivePorts(Watcher& watcher, User& user);
  LivePorts(Watcher& watcher, User& user, const PacketPort::Options& options);
  LivePorts(const LivePorts&) = delete;
  LivePorts& operator=(const LivePorts&) = delete;
  ~LivePorts();

  /// Opens what is there now; with no names, that may be nothing. The error names the interface:
  /// "eth9: no such interface".
  tl::expected<void, std::string> open(std::vector<std::string> patterns);

  /// Works on other interfaces from now on: ports that are no longer wanted close, new ones open.
  /// What is not there yet, or can't be opened, is told as port_trouble().
  void change(std::vector<std::string> patterns);

  /// The ports that are open, by interface index.
  std::vector<PacketPort*> ports() const;

 private:
  tl::expected<void, std::string> open_port(const std::string& name);
  void close_port(int index);
  void changed(const InterfaceMonitor::Change& change);
  bool may_open(const Interface& interface) const;

  Watcher& watcher_;
  std::vector<std::string> patterns_;
  User& user_;
  const PacketPort::Options options_;
  std::map<int, std::unique_ptr<PacketPort>> open_;  // by interface index
  std::unique_ptr<InterfaceMonitor> monitor_;
};

}  // namespace aoe
