// What passes by on a network interface, in both directions, through libpcap: for whoever only
// looks on.
//
// Takes frames of AoE, in VLANs too, whoever they are for; sends nothing. Owns a packet socket of
// its own, so it sees what other programs of this machine send. Needs CAP_NET_RAW when it is
// opened, and nothing later.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "wire/pcap_file.h"

namespace aoe {

class LiveCapture {
 public:
  /// The error names the interface: "eth9: no such interface", "eth0: … (CAP_NET_RAW is needed)".
  static tl::expected<std::unique_ptr<LiveCapture>, std::string> open(const std::string& interface);
  LiveCapture(const LiveCapture&) = delete;
  LiveCapture& operator=(const LiveCapture&) = delete;
  ~LiveCapture();

  /// Readable when frames may wait.
  int descriptor() const;
  /// The next frame; nothing when none waits. Never blocks. An error ends the capture: "eth0: The
  /// interface disappeared".
  tl::expected<std::optional<PcapReader::Record>, std::string> next();
  /// Frames that came while there was no room for them.
  std::uint64_t lost() const;

 private:
  struct Handle;
  explicit LiveCapture(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

}  // namespace aoe
