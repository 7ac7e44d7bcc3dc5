// The packet ports of a running program, on the interfaces it works on, kept as those come, change
// and go.
//
// Owns the ports and waits for them in an Asio loop (one thread). With names, the interfaces named;
// with none, every Ethernet interface that is up, those included that come up later.
#pragma once

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
  /// Told of the ports from within the loop (and of the first ones from within open()).
  class User {
   public:
    virtual void port_opened(PacketPort& port) = 0;
    /// Frames wait. Called again for as long as the user leaves some.
    virtual void port_readable(PacketPort& port) = 0;
    /// Its link() changed: MAC, MTU, up or down.
    virtual void port_changed(PacketPort& port) = 0;
    /// Its interface is gone; the port goes when this returns.
    virtual void port_closing(PacketPort& port) = 0;
    /// Something went wrong later on, with an interface or with following them: a line for the log.
    virtual void port_trouble(const std::string& what) = 0;

   protected:
    ~User() = default;
  };

  LivePorts(boost::asio::io_context& loop, std::vector<std::string> names, User& user);
  LivePorts(const LivePorts&) = delete;
  LivePorts& operator=(const LivePorts&) = delete;
  ~LivePorts();

  /// Opens what is there now. Errors name the interface: "eth9: no such interface"; with no names,
  /// "no Ethernet interface is up".
  tl::expected<void, std::string> open();

 private:
  struct Open {
    std::unique_ptr<PacketPort> port;
    boost::asio::posix::stream_descriptor readable;
    bool closing = false;
  };

  tl::expected<void, std::string> open_port(const Interface& interface);
  void wait_frames(const std::shared_ptr<Open>& open);
  void wait_changes();
  void changed(const InterfaceMonitor::Change& change);
  void close(const std::shared_ptr<Open>& open);
  bool is_wanted(const Interface& interface) const;

  boost::asio::io_context& loop_;
  const std::vector<std::string> names_;
  User& user_;
  std::vector<std::shared_ptr<Open>> open_;
  std::unique_ptr<InterfaceMonitor> monitor_;
  boost::asio::posix::stream_descriptor changes_;
};

}  // namespace aoe
