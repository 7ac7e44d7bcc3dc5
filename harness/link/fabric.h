// The switches of a network: by which ports a frame leaves that a port sent, and what the segment
// does to it on the way. Faults come on top, in the fault stage.
//
// Owned by the fault stage, so that a segment is the same in virtual time and on real interfaces. A
// function of frames and time; knows where each address was seen last, as a switch does.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/bytes.h"
#include "base/instant.h"
#include "harness/language/network.h"

namespace aoe::harness {

class Fabric {
 public:
  explicit Fabric(const Network& network);

  /// Appends the ports that the frame leaves by, and learns where its sender is.
  void route(PortIndex from, Bytes frame, Instant now, std::vector<PortIndex>& out);
  /// Returns how long it takes a frame of so many bytes to leave by a port; nothing: it is lost.
  std::optional<Duration> cross(PortIndex to, std::size_t size, Instant now);

  /// The port's link has come up: a segment may let it wait.
  void came_up(PortIndex port, Instant now);
  /// The port's interface is on this segment from now on; nothing: on none.
  void move(PortIndex port, std::optional<SegmentIndex> to);
  std::optional<SegmentIndex> segment_of(PortIndex port) const { return segment_of_[port]; }

 private:
  struct Switch {
    Segment settings;
    std::vector<PortIndex> ports{};
    boost::unordered_flat_map<std::uint64_t, PortIndex> learnt{};  // by address
  };

  std::vector<Switch> switches_;                         // by SegmentIndex
  std::vector<std::optional<SegmentIndex>> segment_of_;  // by port, as all that follow
  std::vector<Instant> forwards_from_;
  std::vector<Instant> free_;  // when the last frame has gone out, where there is a rate
};

}  // namespace aoe::harness
