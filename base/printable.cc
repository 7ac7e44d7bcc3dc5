#include "base/printable.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "base/check.h"

namespace aoe {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

/// The bytes of the character that `text` begins with; 0 where there is none.
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    const bool control = (first < 0x20 && first != '\n' && first != '\t') || first == 0x7f;
    return control ? 0 : 1;
  }
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  std::uint32_t code = first & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3fU);
  }
  constexpr std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  const bool control = code < 0xa0 || (code >= 0x202a && code <= 0x202e) ||  // of direction, too
                       (code >= 0x2066 && code <= 0x2069);
  const bool no_character = code == 0xfffe || code == 0xffff || code > 0x10ffff;
  return code < least[size] || surrogate || control || no_character ? 0 : size;
}

std::string plural(std::string_view noun) {
  return fmt::format("{}{}", noun, noun.ends_with("s") || noun.ends_with("x") ? "es" : "s");
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    result += size > 0 ? text.substr(0, size) : replacement;
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return result;
}

std::string one_line(std::string_view text) {
  std::string line = printable(text);
  std::ranges::replace_if(
      line, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return line;
}

std::string markup(std::string_view text) {
  std::string result;
  for (const char c : printable(text)) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      case '\'': result += "&#39;"; break;
      default: result += c;
    }
  }
  return result;
}

std::size_t width(std::string_view text) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  return static_cast<std::size_t>(std::ranges::count_if(text, begins));
}

std::string padded(std::string text, std::size_t columns) {
  const std::size_t has = width(text);
  if (has < columns) text.append(columns - has, ' ');
  return text;
}

std::string brief(Duration duration) {
  using std::chrono::seconds;
  if (duration < Duration{}) return "-" + brief(-duration);
  if (duration >= seconds(100)) {
    const auto whole = std::chrono::round<seconds>(duration).count();
    return fmt::format("{}min {}s", whole / 60, whole % 60);
  }
  struct Unit {
    std::string_view name;
    double size;
  };
  // What rounds up to a thousand of a unit is one of the next.
  constexpr std::array<Unit, 4> units{{{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}}};
  for (const Unit& unit : units) {
    const double value = static_cast<double>(duration.count()) / unit.size;
    if (value < 999.5 || unit.name == "s") {
      if (value == std::floor(value)) return fmt::format("{:.0f}{}", value, unit.name);
      return fmt::format("{:.{}f}{}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, unit.name);
    }
  }
  AOE_CHECK(false && "seconds are the last unit");
}

std::string in_milliseconds(Duration duration) {
  return fmt::format("{:.3f}", static_cast<double>(duration.count()) / 1e6);
}

std::string quantity(std::uint64_t number, std::string_view noun) {
  return fmt::format("{} {}", number, number == 1 ? std::string(noun) : plural(noun));
}

}  // namespace aoe
