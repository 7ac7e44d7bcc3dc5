// The packet ports of a running program, on the interfaces it works on, kept as those come, change
// and go.
//
// Owns the ports and waits for them in an Asio loop (one thread). With names, the interfaces named;
// with none, every Ethernet interface that is up, those included that come up later.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <tl/expected.hpp>

#include "wire/interfaces.h"
#include "wire/packet_port.h"

namespace aoe {

class LivePorts {
 public:
  /// Told of the ports, from within the loop.
  class User {
   public:
    /// A port is open: within open(), or later when its interface comes up.
    virtual void port_opened(PacketPort& port) = 0;
    /// Frames wait. Returns whether more may: it is then called again, after others had their turn.
    virtual bool port_readable(PacketPort& port) = 0;
    /// Its link() changed: MAC, MTU, up or down.
    virtual void port_changed(PacketPort& port) = 0;
    /// Its interface is gone, or has another name now; the port goes when this returns.
    virtual void port_closing(PacketPort& port) = 0;
    /// A port that came up later could not be opened: a line for the log.
    virtual void port_trouble(const std::string& what) = 0;

   protected:
    ~User() = default;
  };

  LivePorts(boost::asio::io_context& loop, std::vector<std::string> names, User& user);
  LivePorts(const LivePorts&) = delete;
  LivePorts& operator=(const LivePorts&) = delete;
  ~LivePorts();

  /// Opens what is there now; with no names, that may be nothing. The error names the interface:
  /// "eth9: no such interface".
  tl::expected<void, std::string> open();

  /// The ports that are open, by interface index.
  std::vector<PacketPort*> ports() const;

 private:
  struct OpenPort;

  tl::expected<void, std::string> open_port(const std::string& name);
  void close_port(int index);
  void watch_port(const std::shared_ptr<OpenPort>& open);
  void serve_port(const std::shared_ptr<OpenPort>& open);
  void watch_changes();
  void changed(const InterfaceMonitor::Change& change);
  bool is_wanted(const Interface& interface) const;

  boost::asio::io_context& loop_;
  const std::vector<std::string> names_;
  User& user_;
  std::map<int, std::shared_ptr<OpenPort>> open_;  // by interface index
  std::unique_ptr<InterfaceMonitor> monitor_;
  boost::asio::posix::stream_descriptor changes_;
};

}  // namespace aoe
