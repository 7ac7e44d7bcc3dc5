#include "proto/layout.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace aoe::layout {
namespace {

std::string names_of_bits(const Row& row, std::uint64_t value) {
  std::string names;
  for (const Word& bit : row.words) {
    if ((value & bit.value) != 0) names += fmt::format("{}{}", names.empty() ? "" : "|", bit.text);
  }
  return names.empty() ? "none" : names;
}

}  // namespace

bool has(Field field, Bytes frame, std::size_t entry) {
  const Row& of = row(field);
  if (frame.size() < of.end(entry)) return false;
  return of.message == Message::header ||
         get<Field::command>(frame) == static_cast<std::uint8_t>(of.message);
}

std::uint64_t get(Field field, Bytes frame, std::size_t entry) {
  const Row& of = row(field);
  AOE_CHECK(of.size > 0 && frame.size() >= of.end(entry));
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < of.size; ++i) {
    const std::uint64_t byte = frame[offset(field, entry) + detail::place(of.order, of.size, i)];
    value |= byte << (8 * i);
  }
  return value >> of.shift & of.most();
}

void set(Field field, MutableBytes frame, std::uint64_t value, std::size_t entry) {
  const Row& of = row(field);
  AOE_CHECK(of.size > 0 && frame.size() >= of.end(entry) && value <= of.most());
  for (std::size_t i = 0; i < of.size; ++i) {
    std::uint8_t& byte = frame[offset(field, entry) + detail::place(of.order, of.size, i)];
    const std::uint64_t kept = ~(of.most() << of.shift) >> (8 * i);
    byte = static_cast<std::uint8_t>((byte & kept) | (value << of.shift) >> (8 * i));
  }
}

std::string_view word(Field field, std::uint64_t value) {
  const auto found = std::ranges::find(row(field).words, value, &Word::value);
  return found == row(field).words.end() ? "" : found->text;
}

std::string format(Field field, std::uint64_t value) {
  const Row& of = row(field);
  if (of.order == Order::mac) return fmt::format("{}", mac(value));
  const std::string number = of.style == Style::number
                                 ? fmt::format("{}", value)
                                 : fmt::format("0x{:0{}x}", value, (of.width() + 3) / 4);
  const std::string name =
      of.style == Style::bits ? names_of_bits(of, value) : std::string(word(field, value));
  return name.empty() ? number : fmt::format("{} ({})", name, number);
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  std::uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, hex ? 16 : 10);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::uint64_t number(const Mac& mac) {
  std::uint64_t value = 0;
  for (const std::uint8_t octet : mac.octets) value = value << 8 | octet;
  return value;
}

Mac mac(std::uint64_t number) {
  Mac mac;
  for (std::size_t i = 0; i < mac.octets.size(); ++i) {
    mac.octets[i] = static_cast<std::uint8_t>(number >> (8 * (mac.octets.size() - 1 - i)));
  }
  return mac;
}

}  // namespace aoe::layout
