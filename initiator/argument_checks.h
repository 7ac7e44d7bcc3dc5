// What is wrong with an argument, for CLI11: each function returns a line, empty for a good argument.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.h"

namespace aoe::initiator {

inline constexpr std::uint64_t gigabyte = std::uint64_t{1} << 30;

/// "e0.2".
std::string check_device(const std::string& text);
/// The same, or "all" for commands that ask all targets.
std::string check_device_or_all(const std::string& text);
std::string check_mac(const std::string& text);
/// "eth0,lan*": names of interfaces, or globs, one at least.
std::string check_interfaces(const std::string& text);
/// Returns the names of lists that were checked.
std::vector<std::string> interfaces_of(const std::vector<std::string>& lists);
/// "512", "64K" (base/size.h).
std::string check_size(const std::string& text);
/// "read-log:1" (cli/smart.h).
std::string check_smart(const std::string& text);
/// "65535": a whole number between two.
std::string check_number(const std::string& text, std::int64_t least, std::int64_t most);
/// "3", "1.5": from a thousandth to a day.
std::string check_seconds(const std::string& text);
std::optional<Duration> parse_seconds(const std::string& text);
/// A size of whole sectors, up to a gigabyte.
std::string check_sectors(const std::string& text);

}  // namespace aoe::initiator
