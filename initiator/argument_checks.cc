#include "initiator/argument_checks.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iterator>

#include <fmt/format.h>

#include "base/size.h"
#include "initiator/cli/smart.h"
#include "proto/address.h"
#include "proto/frame.h"
#include "wire/interfaces.h"

namespace aoe::initiator {

std::string check_device(const std::string& text) {
  return parse_address(text) ? "" : text + ": not a device name such as e0.2";
}

std::string check_device_or_all(const std::string& text) {
  return text == "all" ? "" : check_device(text);
}

std::string check_mac(const std::string& text) {
  return parse_mac(text) ? "" : text + ": not a MAC address such as 02:00:00:0a:0b:0c";
}

std::string check_interfaces(const std::string& text) {
  const auto names = parse_some_interfaces(text);
  return names ? "" : names.error();
}

std::vector<std::string> interfaces_of(const std::vector<std::string>& lists) {
  std::vector<std::string> all;
  for (const std::string& list : lists) {
    std::ranges::copy(*parse_some_interfaces(list), std::back_inserter(all));
  }
  return all;
}

std::string check_size(const std::string& text) {
  return parse_size(text) ? ""
                          : fmt::format("{}: not a size in bytes such as {}", text, size_examples);
}

std::string check_smart(const std::string& text) {
  return parse_smart(text) ? ""
                           : text +
                                 ": not a SMART command such as return-status, read-data or "
                                 "read-log:0";
}

std::string check_number(const std::string& text, std::int64_t least, std::int64_t most) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && stopped == end && least <= number && number <= most) return "";
  return fmt::format("{}: not a whole number from {} to {}", text, least, most);
}

std::optional<Duration> parse_seconds(const std::string& text) {
  double seconds = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] =
      std::from_chars(text.data(), end, seconds, std::chars_format::fixed);
  if (error != std::errc() || stopped != end) return std::nullopt;
  constexpr double day = 86400;
  if (!(seconds >= 0.001 && seconds <= day)) return std::nullopt;
  return std::chrono::round<Duration>(std::chrono::duration<double>(seconds));
}

std::string check_seconds(const std::string& text) {
  return parse_seconds(text) ? "" : text + ": not a number of seconds from 0.001 to 86400";
}

std::string check_sectors(const std::string& text) {
  const auto bytes = parse_size(text);
  if (!bytes) return check_size(text);
  return *bytes > 0 && *bytes <= gigabyte && *bytes % sector_size == 0
             ? ""
             : text + ": not a multiple of 512 up to 1GiB";
}

}  // namespace aoe::initiator
