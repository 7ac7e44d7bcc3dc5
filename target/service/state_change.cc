#include "target/service/state_change.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "target/service/report.h"

namespace aoe::target {
namespace {

/// What a line shows of a value.
constexpr std::size_t bytes_shown = 64;
constexpr std::size_t macs_shown = 8;

std::string beginning(const std::string& string) {
  const bool is_long = string.size() > bytes_shown;
  return escaped(string.substr(0, bytes_shown)) + (is_long ? "..." : "");
}

std::string beginning(const std::vector<Mac>& macs) {
  const auto shown = std::span(macs).first(std::min(macs.size(), macs_shown));
  const std::size_t others = macs.size() - shown.size();
  return fmt::format("{}{}", fmt::join(shown, ", "),
                     others > 0 ? fmt::format(" and {} more", others) : "");
}

}  // namespace

StateChange change_by(const Frame& request) {
  AOE_CHECK(request.body.has_value());
  StateChange change{StateChange::What::mask_list, fmt::format("{}", request.header.source)};
  if (const auto* config = std::get_if<ConfigRequest>(&*request.body)) {
    change.what = StateChange::What::config_string;
    change.is_forced = config->command == ConfigCommand::force_set;
  } else if (const auto* reserve = std::get_if<ReserveRequest>(&*request.body)) {
    change.what = StateChange::What::reservation;
    change.is_forced = reserve->command == ReserveCommand::force_set;
  }
  return change;
}

std::string describe(const StateChange& change, const LunState& now) {
  const auto [name, value] = [&]() -> std::pair<std::string_view, std::string> {
    switch (change.what) {
      case StateChange::What::config_string: return {"config string", beginning(now.config_string)};
      case StateChange::What::mask_list: return {"mask list", beginning(now.mask)};
      case StateChange::What::reservation: return {"reservation", beginning(now.reserved)};
    }
    AOE_CHECK(false && "a change without words");
  }();
  const std::string_view how = value.empty() ? "cleared" : change.is_forced ? "forced" : "set";
  return fmt::format("{} {} by {}{}{}", name, how, change.by, value.empty() ? "" : ": ", value);
}

}  // namespace aoe::target
