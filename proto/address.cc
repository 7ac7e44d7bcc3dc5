#include "proto/address.h"

#include <charconv>

namespace aoe {
namespace {

/// Takes a decimal number of at most `max` off the front of `text`.
std::optional<unsigned> take_number(std::string_view& text, unsigned max) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value > max) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  if (!take(text, 'e')) return std::nullopt;
  const auto shelf = take_number(text, Address::any_shelf - 1);
  if (!shelf || !take(text, '.')) return std::nullopt;
  const auto slot = take_number(text, Address::any_slot - 1);
  if (!slot || !text.empty()) return std::nullopt;
  return Address{static_cast<std::uint16_t>(*shelf), static_cast<std::uint8_t>(*slot)};
}

std::optional<Mac> parse_mac(std::string_view text) {
  Mac mac;
  if (text.size() != 17) return std::nullopt;
  for (std::size_t i = 0; i < mac.octets.size(); ++i) {
    const char* pair = text.data() + 3 * i;
    const auto [end, error] = std::from_chars(pair, pair + 2, mac.octets[i], 16);
    if (error != std::errc{} || end != pair + 2) return std::nullopt;
    if (i > 0 && pair[-1] != ':') return std::nullopt;
  }
  return mac;
}

}  // namespace aoe

fmt::format_context::iterator fmt::formatter<aoe::Mac>::format(const aoe::Mac& mac,
                                                               fmt::format_context& context) const {
  const auto& o = mac.octets;
  return fmt::format_to(context.out(), "{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", o[0], o[1],
                        o[2], o[3], o[4], o[5]);
}

fmt::format_context::iterator fmt::formatter<aoe::Address>::format(
    const aoe::Address& a, fmt::format_context& context) const {
  auto out = fmt::format_to(context.out(), "e");
  out = a.shelf == aoe::Address::any_shelf ? fmt::format_to(out, "*")
                                           : fmt::format_to(out, "{}", a.shelf);
  return a.slot == aoe::Address::any_slot ? fmt::format_to(out, ".*")
                                          : fmt::format_to(out, ".{}", a.slot);
}
