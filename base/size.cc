#include "base/size.h"

#include <limits>

namespace aoe {
namespace {

/// Takes the unit off the end of `text`. Returns its binary logarithm.
unsigned take_unit(std::string_view& text) {
  constexpr std::string_view units = "KMGT";
  std::string_view rest = text;
  if (rest.ends_with("iB")) rest.remove_suffix(2);
  const std::size_t power = rest.empty() ? std::string_view::npos : units.find(rest.back());
  if (power == std::string_view::npos) return 0;
  rest.remove_suffix(1);
  text = rest;
  return 10 * (static_cast<unsigned>(power) + 1);
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const unsigned shift = take_unit(text);
  if (text.empty() || text.front() == '.' || text.back() == '.') return std::nullopt;
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t whole = 0;
  double part = 0;
  double scale = 0;  // of the next digit behind the point; 0: there was none
  for (const char c : text) {
    if (c == '.' && scale == 0 && shift > 0) {
      scale = 0.1;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<unsigned>(c - '0');
    if (scale > 0) {
      part += scale * digit;
      scale /= 10;
    } else {
      if (whole > (most - digit) / 10) return std::nullopt;
      whole = whole * 10 + digit;
    }
  }
  const auto rest =
      static_cast<std::uint64_t>(part * static_cast<double>(std::uint64_t{1} << shift) + 0.5);
  if (whole > (most - rest) >> shift) return std::nullopt;
  return (whole << shift) + rest;
}

}  // namespace aoe
