// The two addresses of AoE: Ethernet's (MAC) and the protocol's own (shelf and slot).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace aoe {

/// An Ethernet hardware address.
struct Mac {
  std::array<std::uint8_t, 6> octets{};

  auto operator<=>(const Mac&) const = default;
  bool is_multicast() const { return (octets[0] & 1) != 0; }  // broadcast included
  static constexpr Mac broadcast() { return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }
};

/// Where a LUN lives: AoEr11 §2 Major (shelf) and Minor (slot). Either may be a wildcard in a
/// request, independently of the other; never in a reply.
struct Address {
  static constexpr std::uint16_t any_shelf = 0xffff;
  static constexpr std::uint8_t any_slot = 0xff;

  std::uint16_t shelf = 0;
  std::uint8_t slot = 0;

  auto operator<=>(const Address&) const = default;
  bool is_exact() const { return shelf != any_shelf && slot != any_slot; }
  /// Does a request for this address concern the LUN at `own`?
  bool covers(Address own) const {
    return (shelf == any_shelf || shelf == own.shelf) && (slot == any_slot || slot == own.slot);
  }
  static constexpr Address everyone() { return {any_shelf, any_slot}; }
};

/// "e0.2": a shelf of 0-65534 and a slot of 0-254 in decimal, and nothing after them.
std::optional<Address> parse_address(std::string_view text);

/// "02:00:00:0a:0b:0c": six pairs of hexadecimal digits.
std::optional<Mac> parse_mac(std::string_view text);

}  // namespace aoe

/// 02:00:00:0a:0b:0c
template <>
struct fmt::formatter<aoe::Mac> : fmt::formatter<std::string_view> {
  fmt::format_context::iterator format(const aoe::Mac& mac, fmt::format_context& context) const;
};

/// e0.2, with * for a wildcard: e*.2, e*.*
template <>
struct fmt::formatter<aoe::Address> : fmt::formatter<std::string_view> {
  fmt::format_context::iterator format(const aoe::Address& a, fmt::format_context& context) const;
};
