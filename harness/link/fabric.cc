#include "harness/link/fabric.h"

#include <algorithm>

#include "proto/frame.h"
#include "proto/layout.h"

namespace aoe::harness {

Fabric::Fabric(const Network& network)
    : forwards_from_(network.ports.size(), Instant::min()),
      free_(network.ports.size(), Instant::min()) {
  for (const Segment& segment : network.segments) switches_.push_back({segment});
  for (std::size_t port = 0; port < network.ports.size(); ++port) {
    const SegmentIndex segment = network.ports[port].segment;
    segment_of_.emplace_back(segment);
    switches_[segment].ports.push_back(static_cast<PortIndex>(port));
  }
}

void Fabric::route(PortIndex from, Bytes frame, Instant now, std::vector<PortIndex>& out) {
  if (!segment_of_[from] || now < forwards_from_[from]) return;
  Switch& segment = switches_[*segment_of_[from]];
  const auto leave_by = [&](PortIndex port) {
    if (port != from && now >= forwards_from_[port]) out.push_back(port);
  };
  const bool is_ethernet = frame.size() >= ethernet_header_size;
  if (segment.settings.learns && is_ethernet && segment.ports.size() > 2) {
    segment.learnt.insert_or_assign(layout::number(layout::get<Field::source>(frame)), from);
    const Mac to = layout::get<Field::destination>(frame);
    const auto known = segment.learnt.find(layout::number(to));
    if (!to.is_multicast() && known != segment.learnt.end()) return leave_by(known->second);
  }
  for (const PortIndex port : segment.ports) leave_by(port);
}

std::optional<Duration> Fabric::cross(PortIndex to, std::size_t size, Instant now) {
  const Segment& segment = switches_[*segment_of_[to]].settings;
  if (size > segment.lost_above) return std::nullopt;
  if (segment.rate == 0) return segment.latency;
  const auto time_of = [&](std::uint64_t bytes) {
    return Duration(static_cast<Duration::rep>(8e9 * static_cast<double>(bytes) /
                                               static_cast<double>(segment.rate)));
  };
  Instant& free = free_[to];
  free = std::max(free, now);
  if (free - now > time_of(segment.queue)) return std::nullopt;
  free += time_of(size);
  return segment.latency + (free - now);
}

void Fabric::came_up(PortIndex port, Instant now) {
  if (!segment_of_[port]) return;
  const Duration wait = switches_[*segment_of_[port]].settings.forward_delay;
  if (wait > Duration{}) forwards_from_[port] = now + wait;
}

void Fabric::move(PortIndex port, std::optional<SegmentIndex> to) {
  if (segment_of_[port]) {
    Switch& before = switches_[*segment_of_[port]];
    std::erase(before.ports, port);
    erase_if(before.learnt, [port](const auto& each) { return each.second == port; });
  }
  segment_of_[port] = to;
  if (to) switches_[*to].ports.push_back(port);
}

}  // namespace aoe::harness
