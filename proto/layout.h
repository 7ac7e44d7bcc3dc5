// The table of the wire: where each field of an AoE frame is, and how it is printed.
//
// This is the only place that spells the offset of a field. The codec (frame.h), the harness and
// the mutants read and write fields through it; frame.h turns whole frames into typed values.
// get<F>() and set<F>() resolve their row when they are compiled and cost a load or a store. The
// functions that take a Field as an argument look the row up when they run. Nothing here allocates
// but format(). All are pure, and callable from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/bytes.h"
#include "proto/address.h"
#include "proto/ata.h"
#include "proto/codes.h"

namespace aoe {

/// The fields of AoEr11, in the order of the table. Four pairs share their bytes: the flags with
/// the version, CCmd with the config version, and what a request calls feature and opcode with what
/// a reply calls error and status.
enum class Field : std::uint8_t {
  destination,
  source,
  ethertype,
  version,
  flags,
  error,
  shelf,
  slot,
  command,
  tag,
  ata_flags,
  ata_feature,
  ata_error,
  ata_count,
  ata_op,
  ata_status,
  ata_lba,
  ata_reserved,
  ata_data,
  config_buffers,
  config_firmware,
  config_sectors,
  config_version,
  config_op,
  config_length,
  config_string,
  mask_reserved,
  mask_op,
  mask_error,
  mask_count,
  mask_directive_reserved,
  mask_directive_op,
  mask_directive_address,
  reserve_op,
  reserve_count,
  reserve_address,
};

namespace layout {

/// What has the field: every frame, or the frames of one command (with the command's number).
enum class Message : std::uint8_t { ata = 0, config = 1, mask = 2, reserve = 3, header = 255 };
enum class Side : std::uint8_t { both, request, reply };

/// How the bytes make a value: most significant first, least significant first (the LBA), an
/// Ethernet address (as a number most significant first), or bytes without a value (data, a
/// string).
enum class Order : std::uint8_t { big, little, mac, bytes };

/// How a value is printed, after its word if it has one: as a decimal number, in hexadecimal, or in
/// hexadecimal after the words of its bits.
enum class Style : std::uint8_t { number, hex, bits };

/// Where the harness knows the field, by its name or by the part of the name behind the dot.
namespace use {
inline constexpr unsigned send = 1;    // in a frame that a scenario sends: `{ata: {count: 2}}`
inline constexpr unsigned query = 2;   // in a `config`, `mask`, `reserve`, `identify` or `ask` step
inline constexpr unsigned expect = 4;  // in a reply that a scenario expects: `{ata: {count: 0}}`
inline constexpr unsigned least = 8;   // which has the value there, or a larger one
inline constexpr unsigned replay = 16;  // in the comparison of a reply with a captured one
inline constexpr unsigned free = 32;    // which leaves it out unless all is to be compared
}  // namespace use

/// A name for a value, or for a bit.
struct Word {
  std::string_view text;
  std::uint64_t value;
};
using Words = std::span<const Word>;

/// Where a field lies, counted from the destination address.
struct Place {
  std::uint8_t offset;  // bytes
  std::uint8_t size;    // bytes; 0: to the end of the frame, or as another field says
  Order order = Order::big;
  std::uint8_t shift = 0;   // of the value in its byte,
  std::uint8_t bits = 0;    // and its width; 0: the whole of `size`
  std::uint8_t stride = 0;  // in a list: bytes from one entry's field to the next one's; 0: no list

  constexpr unsigned width() const { return bits != 0 ? bits : 8U * size; }
  /// The largest value that fits. Precondition: size > 0.
  constexpr std::uint64_t most() const { return ~std::uint64_t{} >> (64 - width()); }
  constexpr std::size_t end(std::size_t entry = 0) const { return offset + size + entry * stride; }
};

/// One field, in two lines: where it is, and how a person writes it. The row of ata.lba reads: the
/// 6 bytes from byte 28 on, least significant first, are "ata.lba" of all ATA messages, requests
/// and replies (AoEr11 §3.1). It is printed as a number, no value has a word, faults call it "lba",
/// and a scenario can send it and expect it; a reply's may differ from a captured one's.
struct Row : Place {
  Field field;            // the row's place in the table
  std::string_view name;  // in findings and scenarios
  Message message;
  Side side;
  std::string_view section;  // of AoEr11

  Style style;
  Words words;
  std::string_view fault;  // in the faults `corrupt` and `count`; empty: they do not know it
  unsigned uses = 0;
};

// clang-format off
// The words, as scenarios spell them.
inline constexpr std::array any_shelf{Word{"any", Address::any_shelf}};
inline constexpr std::array any_slot{Word{"any", Address::any_slot}};
inline constexpr std::array header_flags{
  Word{"response", flag_response}, Word{"error", flag_error}};
inline constexpr std::array errors{
  Word{"none", 0}, Word{"unrecognized-command", 1}, Word{"bad-argument", 2},
  Word{"device-unavailable", 3}, Word{"config-string-present", 4},
  Word{"unsupported-version", 5}, Word{"target-reserved", 6}};
inline constexpr std::array commands{
  Word{"ata", 0}, Word{"config", 1}, Word{"mask", 2}, Word{"reserve", 3}};
inline constexpr std::array ata_flags{
  Word{"extended", 0x40}, Word{"device-head", 0x10}, Word{"async", 0x02}, Word{"write", 0x01}};
inline constexpr std::array ata_ops{
  Word{"trim", 0x06}, Word{"read", 0x20}, Word{"read-ext", 0x24}, Word{"read-dma-ext", 0x25},
  Word{"write", 0x30}, Word{"write-ext", 0x34}, Word{"write-dma-ext", 0x35},
  Word{"read-verify", 0x40}, Word{"read-verify-ext", 0x42}, Word{"smart", 0xb0},
  Word{"read-dma", 0xc8}, Word{"write-dma", 0xca}, Word{"standby-immediate", 0xe0},
  Word{"idle-immediate", 0xe1}, Word{"standby", 0xe2}, Word{"idle", 0xe3},
  Word{"check-power-mode", 0xe5}, Word{"flush", 0xe7}, Word{"flush-ext", 0xea},
  Word{"identify", 0xec}};
inline constexpr std::array ata_errors{
  Word{"none", 0}, Word{"abrt", ata::error_abrt}, Word{"idnf", ata::error_idnf},
  Word{"unc", ata::error_unc}};
inline constexpr std::array ata_statuses{
  Word{"BSY", ata::status_bsy}, Word{"DRDY", ata::status_drdy}, Word{"DF", ata::status_df},
  Word{"DRQ", ata::status_drq}, Word{"ERR", ata::status_err}};
inline constexpr std::array config_ops{
  Word{"read", 0}, Word{"test", 1}, Word{"prefix", 2}, Word{"set", 3}, Word{"force-set", 4}};
inline constexpr std::array mask_ops{Word{"read", 0}, Word{"edit", 1}};
inline constexpr std::array mask_errors{
  Word{"none", 0}, Word{"unspecified", 1}, Word{"bad-directive", 2}, Word{"list-full", 3}};
inline constexpr std::array directive_ops{Word{"none", 0}, Word{"add", 1}, Word{"delete", 2}};
inline constexpr std::array reserve_ops{Word{"read", 0}, Word{"set", 1}, Word{"force-set", 2}};

inline constexpr std::array rows = [] {
  using enum Field;
  using enum Message;
  using enum Side;
  using enum Order;
  using enum Style;
  using namespace use;
  return std::array<Row, static_cast<std::size_t>(reserve_address) + 1>{{
    {{0, 6, mac}, destination, "destination", header, both, "2",
     number, {}, "destination", send | query},
    {{6, 6, mac}, source, "source", header, both, "2",
     number, {}, "source", send | query},
    {{12, 2}, ethertype, "ethertype", header, both, "2",
     hex, {}, "ethertype"},
    {{14, 1, big, 4, 4}, version, "version", header, both, "2",
     number, {}, "version", send | expect | replay},
    {{14, 1, big, 0, 4}, flags, "flags", header, both, "2",
     bits, header_flags, "flags", send | expect | replay},
    {{15, 1}, error, "error", header, both, "2",
     number, errors, "error", send | expect | replay},
    {{16, 2}, shelf, "shelf", header, both, "2",
     number, any_shelf, "shelf", send | query | expect},
    {{18, 1}, slot, "slot", header, both, "2",
     number, any_slot, "slot", send | query | expect},
    {{19, 1}, command, "command", header, both, "2",
     number, commands, "command", send | expect | replay},
    {{20, 4}, tag, "tag", header, both, "2",
     hex, {}, "tag", send | query},

    {{24, 1}, ata_flags, "ata.flags", ata, both, "3.1",
     bits, layout::ata_flags, "ata-flags", send | replay | free},
    {{25, 1}, ata_feature, "ata.feature", ata, request, "3.1",
     hex, {}, "feature", send},
    {{25, 1}, ata_error, "ata.error", ata, reply, "3.1",
     number, ata_errors, "", expect | replay},
    {{26, 1}, ata_count, "ata.count", ata, both, "3.1",
     number, {}, "count", send | expect | replay},
    {{27, 1}, ata_op, "ata.op", ata, request, "3.1",
     hex, ata_ops, "", send},
    {{27, 1}, ata_status, "ata.status", ata, reply, "3.1",
     bits, ata_statuses, "status", expect | replay},
    {{28, 6, little}, ata_lba, "ata.lba", ata, both, "3.1",
     number, {}, "lba", send | expect | replay | free},
    {{34, 2}, ata_reserved, "ata.reserved", ata, both, "3.1",
     hex, {}, "ata-reserved"},
    {{36, 0, bytes}, ata_data, "ata.data", ata, both, "3.1",
     hex, {}, ""},

    {{24, 2}, config_buffers, "config.buffers", config, both, "3.2",
     number, {}, "buffers", send | expect | least | replay | free},
    {{26, 2}, config_firmware, "config.firmware", config, both, "3.2",
     number, {}, "firmware", send | expect | replay | free},
    {{28, 1}, config_sectors, "config.sectors", config, both, "3.2",
     number, {}, "sectors", send | expect | least | replay | free},
    {{29, 1, big, 4, 4}, config_version, "config.version", config, both, "3.2",
     number, {}, "config-version", send | expect | replay},
    {{29, 1, big, 0, 4}, config_op, "config.op", config, both, "3.2",
     number, config_ops, "ccmd", send | expect | replay},
    {{30, 2}, config_length, "config.length", config, both, "3.2",
     number, {}, "length", send},
    {{32, 0, bytes}, config_string, "config.string", config, both, "3.2",
     hex, {}, ""},

    {{24, 1}, mask_reserved, "mask.reserved", mask, both, "3.3",
     hex, {}, ""},
    {{25, 1}, mask_op, "mask.op", mask, both, "3.3",
     number, mask_ops, "", send | expect | replay},
    {{26, 1}, mask_error, "mask.error", mask, both, "3.3",
     number, mask_errors, "", send | expect | replay},
    {{27, 1}, mask_count, "mask.count", mask, both, "3.3",
     number, {}, "", send | expect | replay},
    {{28, 1, big, 0, 0, 8}, mask_directive_reserved, "mask.directive.reserved", mask, both, "3.3",
     hex, {}, ""},
    {{29, 1, big, 0, 0, 8}, mask_directive_op, "mask.directive.op", mask, both, "3.3",
     number, directive_ops, ""},
    {{30, 6, mac, 0, 0, 8}, mask_directive_address, "mask.directive.address", mask, both, "3.3",
     number, {}, ""},

    {{24, 1}, reserve_op, "reserve.op", reserve, both, "3.4",
     number, reserve_ops, "", send | expect | replay},
    {{25, 1}, reserve_count, "reserve.count", reserve, both, "3.4",
     number, {}, "", send | expect},
    {{26, 6, mac, 0, 0, 6}, reserve_address, "reserve.address", reserve, both, "3.4",
     number, {}, ""},
  }};
}();
// clang-format on

constexpr const Row& row(Field field) {
  return rows[static_cast<std::size_t>(field)];
}
constexpr std::size_t offset(Field field, std::size_t entry = 0) {
  return row(field).offset + entry * row(field).stride;
}
/// Bytes from the frame's start to the end of the message's last field that every such message has.
constexpr std::size_t fixed_size(Message message) {
  std::size_t size = 0;
  for (const Row& each : rows) {
    if (each.message == message && each.stride == 0 && each.end() > size) size = each.end();
  }
  return size;
}

static_assert([] {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].field != Field{static_cast<std::uint8_t>(i)}) return false;
  }
  return true;
}());
static_assert(fixed_size(Message::header) == header_size);
static_assert(fixed_size(Message::ata) == ata_header_size);
static_assert(fixed_size(Message::config) == config_header_size);

namespace detail {

template <Field F>
using Value = std::conditional_t<
    row(F).order == Order::mac, Mac,
    std::conditional_t<
        row(F).size == 1, std::uint8_t,
        std::conditional_t<row(F).size == 2, std::uint16_t,
                           std::conditional_t<row(F).size == 4, std::uint32_t, std::uint64_t>>>>;

/// The place of byte `i` of a value of `size` bytes, 0 being its least significant.
constexpr std::size_t place(Order order, std::size_t size, std::size_t i) {
  return order == Order::little ? i : size - 1 - i;
}

template <Field First>
constexpr Row from(Row of) {
  of.offset = static_cast<std::uint8_t>(of.offset - row(First).offset);
  return of;
}

}  // namespace detail

/// The field's value: a Mac, or an unsigned number of its size. `entry`: of a list, which entry.
/// `First` is the field that the bytes begin with, where they are not a whole frame.
/// Precondition: the bytes reach the field's end.
template <Field F, Field First = Field::destination>
[[gnu::always_inline]] inline detail::Value<F> get(Bytes frame, std::size_t entry = 0) {
  constexpr Row of = detail::from<First>(row(F));
  static_assert(of.size > 0, "data and strings are read by rest()");
  AOE_CHECK(frame.size() >= of.end(entry));
  const Bytes at = frame.subspan(of.offset + entry * of.stride, of.size);
  if constexpr (of.order == Order::mac) {
    Mac mac;
    copy(at, mac.octets);
    return mac;
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      std::uint64_t value = 0;
      ((value |= std::uint64_t{at[detail::place(of.order, of.size, I)]} << (8 * I)), ...);
      return static_cast<detail::Value<F>>(value >> of.shift & of.most());
    }
    (std::make_index_sequence<of.size>());
  }
}

/// Writes the field, and nothing beside it: the other half of a byte stays.
/// Precondition: the bytes reach the field's end, and the value fits.
template <Field F, Field First = Field::destination>
[[gnu::always_inline]] inline void set(MutableBytes frame, detail::Value<F> value,
                                       std::size_t entry = 0) {
  constexpr Row of = detail::from<First>(row(F));
  static_assert(of.size > 0, "data and strings are written where rest() begins");
  AOE_CHECK(frame.size() >= of.end(entry));
  const MutableBytes at = frame.subspan(of.offset + entry * of.stride, of.size);
  if constexpr (of.order == Order::mac) {
    copy(value.octets, at);
  } else {
    AOE_CHECK(value <= of.most());
    if constexpr (of.bits != 0) {
      constexpr auto kept = static_cast<std::uint8_t>(~(of.most() << of.shift));
      value = static_cast<std::uint8_t>((at[0] & kept) | value << of.shift);
    }
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((at[detail::place(of.order, of.size, I)] = static_cast<std::uint8_t>(value >> (8 * I))),
       ...);
    }
    (std::make_index_sequence<of.size>());
  }
}

/// From the field's first byte to the end of the frame: data, a string, a list.
template <Field F>
Bytes rest(Bytes frame) {
  AOE_CHECK(frame.size() >= row(F).offset);
  return frame.subspan(row(F).offset);
}

/// Does the frame have the field: is it of that command, and does it reach the field's end? Which
/// side sent it does not matter: feature and status are in the same frames as error and opcode.
bool has(Field field, Bytes frame, std::size_t entry = 0);
/// As get<F>() and set<F>(), with addresses as numbers of 48 bits.
std::uint64_t get(Field field, Bytes frame, std::size_t entry = 0);
void set(Field field, MutableBytes frame, std::uint64_t value, std::size_t entry = 0);

/// The value's own word: "bad-argument"; empty: it has none.
std::string_view word(Field field, std::uint64_t value);
/// For a person: "7", "0x5c000001", "bad-argument (2)", "DRDY|ERR (0x41)", "02:00:00:00:00:01".
std::string format(Field field, std::uint64_t value);
/// A decimal number, or one in hexadecimal that begins with "0x"; nullopt: neither, or more than 64
/// bits.
std::optional<std::uint64_t> parse_number(std::string_view text);

/// An address as get() has it.
std::uint64_t number(const Mac& mac);
Mac mac(std::uint64_t number);

}  // namespace layout
}  // namespace aoe
