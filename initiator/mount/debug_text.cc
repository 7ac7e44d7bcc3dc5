#include "initiator/mount/debug_text.h"

#include <algorithm>
#include <chrono>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace aoe::initiator {
namespace {

std::int64_t in_microseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

/// Returns the lines of one target. All `paths` lead to it; there is at least one.
std::string target_text(std::span<const PathStatus> paths) {
  const PathStatus& target = paths.front();
  std::vector<std::string_view> interfaces;
  for (const PathStatus& path : paths) interfaces.push_back(path.interface);
  std::string text = fmt::format(
      "{:02x}:{}:{}:{}\n\tssthresh:{}\n\ttaint:{:d}\n\t{}\n\tstanding:{}\n\trttavg:{}\n"
      "\trttdev:{}\n\trto:{}\n\tbuffers:{}\n\taccepts:{}\n\tsize:{}\n\tserial:{}\n",
      fmt::join(target.mac.octets, ""), target.outstanding, target.window, target.window_max,
      target.threshold, std::ranges::all_of(paths, &PathStatus::suspect),
      fmt::join(interfaces, ","), target.standing, in_microseconds(target.round_trip),
      in_microseconds(target.deviation), in_microseconds(target.retransmit_timeout), target.buffers,
      target.sectors, target.disk_sectors, target.serial);
  for (const PathStatus& path : paths) {
    text += fmt::format("\t{} sectors:{} taint:{:d} mtu:{}\n", path.interface,
                        path.payload / sector_size, path.suspect, path.mtu);
  }
  return text;
}

}  // namespace

std::string debug_text(const DeviceStatus& device) {
  const PathStatus first = device.paths.empty() ? PathStatus{} : device.paths.front();
  std::string text = fmt::format("rttavg: {} rttdev: {}\nmaxbcnt: {}\nref: {}\n",
                                 in_microseconds(first.round_trip),
                                 in_microseconds(first.deviation), device.payload, device.opens);
  if (device.counters.replaced > 0) text += fmt::format("replaced: {}\n", device.counters.replaced);
  // The paths of a target are next to each other.
  for (std::span<const PathStatus> left = device.paths; !left.empty();) {
    const auto end = std::ranges::find_if(
        left, [&](const PathStatus& path) { return path.mac != left.front().mac; });
    const auto count = static_cast<std::size_t>(end - left.begin());
    text += target_text(left.first(count));
    left = left.subspan(count);
  }
  return text;
}

}  // namespace aoe::initiator
