#include "initiator/cli/debug_paths.h"

#include <charconv>
#include <string>

namespace aoe::initiator {
namespace {

/// Takes a word off the front of `text`, and the separator behind it.
std::string_view take(std::string_view& text, char separator) {
  const std::string_view word = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(word.size() + 1, text.size()));
  return word;
}

/// `Number` stays as it is where the text is no number.
template <class Number>
void read(std::string_view text, Number& number) {
  std::from_chars(text.data(), text.data() + text.size(), number);
}

void read(std::string_view text, Duration& duration) {
  std::int64_t microseconds = 0;
  read(text, microseconds);
  duration = std::chrono::microseconds(microseconds);
}

/// "020000ab0001:3:32:64": a MAC address, commands that are outstanding, the window and its limit.
PathStatus parse_target(std::string_view line) {
  PathStatus target;
  std::string mac(take(line, ':'));
  for (std::size_t octet = mac.size() / 2; octet > 1; --octet) mac.insert(2 * octet - 2, ":");
  target.mac = parse_mac(mac).value_or(Mac{});
  read(take(line, ':'), target.outstanding);
  read(take(line, ':'), target.window);
  read(line, target.window_max);
  return target;
}

/// "rttavg:94", of all paths to a target.
void parse_fact(std::string_view line, PathStatus& target) {
  const std::string_view name = take(line, ':');
  if (name == "ssthresh") read(line, target.threshold);
  if (name == "standing") target.standing = line;
  if (name == "rttavg") read(line, target.round_trip);
  if (name == "rttdev") read(line, target.deviation);
  if (name == "rto") read(line, target.retransmit_timeout);
  if (name == "buffers") read(line, target.buffers);
  if (name == "accepts") read(line, target.sectors);
  if (name == "size") read(line, target.disk_sectors);
  if (name == "serial") target.serial = line;
}

/// "eth0 sectors:17 taint:0 mtu:9000", of one path.
PathStatus parse_path(std::string_view line, const PathStatus& target) {
  PathStatus path = target;
  path.interface = take(line, ' ');
  while (!line.empty()) {
    std::string_view value = take(line, ' ');
    const std::string_view name = take(value, ':');
    if (name == "sectors") read(value, path.payload);
    if (name == "taint") path.suspect = value == "1";
    if (name == "mtu") read(value, path.mtu);
  }
  path.payload *= sector_size;
  return path;
}

}  // namespace

std::vector<PathStatus> parse_debug_paths(std::string_view text) {
  std::vector<PathStatus> paths;
  PathStatus target;
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    if (!line.starts_with('\t')) {
      target = parse_target(line);
      continue;
    }
    line.remove_prefix(1);
    if (line.find(' ') < line.find(':')) {
      paths.push_back(parse_path(line, target));
    } else {
      parse_fact(line, target);
    }
  }
  return paths;
}

}  // namespace aoe::initiator
