#include "initiator/cli/smart.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "proto/ata.h"

namespace aoe::initiator {
namespace {

struct Row {
  std::string_view name;
  std::uint8_t feature;
  bool numbered = false;
  bool reads = false;
  bool writes = false;
};

constexpr std::uint8_t feature(ata::Smart what) {
  return static_cast<std::uint8_t>(what);
}

constexpr std::array rows{
    Row{"return-status", feature(ata::Smart::return_status)},
    Row{.name = "read-data", .feature = feature(ata::Smart::read_data), .reads = true},
    Row{.name = "read-thresholds", .feature = feature(ata::Smart::read_thresholds), .reads = true},
    Row{.name = "read-log",
        .feature = feature(ata::Smart::read_log),
        .numbered = true,
        .reads = true},
    // aoe-target has neither of these two.
    Row{.name = "write-log", .feature = 0xd6, .numbered = true, .writes = true},
    Row{.name = "offline-immediate", .feature = 0xd4, .numbered = true},
    Row{"enable", feature(ata::Smart::enable)},
    Row{"disable", feature(ata::Smart::disable)},
};

}  // namespace

std::optional<SmartCommand> parse_smart(std::string_view text) {
  const std::size_t colon = text.find(':');
  std::string name(text.substr(0, colon));
  std::ranges::replace(name, '_', '-');
  const auto row = std::ranges::find(rows, name, &Row::name);
  if (row == rows.end() || row->numbered != (colon != std::string_view::npos)) return std::nullopt;
  std::uint8_t number = 0;
  if (row->numbered) {
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data() + colon + 1, end, number);
    if (error != std::errc() || stopped != end) return std::nullopt;
  }
  return SmartCommand{.name = std::move(name),
                      .feature = row->feature,
                      .number = number,
                      .reads = row->reads,
                      .writes = row->writes};
}

}  // namespace aoe::initiator
