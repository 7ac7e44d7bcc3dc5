#include "harness/judge/answer_rules.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "proto/identify.h"

namespace aoe::harness {
namespace {

/// An answer, of 24 bytes at least, and what it answers, of as many.
struct Exchange {
  Bytes request;
  Bytes answer;
  const RawDefaults& defaults;

  std::uint8_t flags() const { return answer[14] & 0xf; }
  bool is_error() const { return (flags() & flag_error) != 0; }
  Command asked() const { return Command{request[19]}; }
  bool is_ata() const { return asked() == Command::ata && !is_error() && answer.size() >= 36; }
  std::size_t number(std::size_t at) const { return std::size_t{answer[at]} << 8 | answer[at + 1]; }

  /// Nothing, or what the client itself has sent: no leak.
  bool is_empty_or_echo(std::size_t at) const {
    return answer[at] == 0 || (at < request.size() && answer[at] == request[at]);
  }

  /// Where the last field of a success ends.
  std::size_t end() const {
    switch (asked()) {
      case Command::ata: return 36 + ata_data_size();
      case Command::config: return 32 + (answer.size() < 32 ? 0 : number(30));
      case Command::mask: return 28 + (answer.size() < 28 || answer[26] != 0 ? 0 : answer[27] * 8);
      case Command::reserve: return 26 + (answer.size() < 26 ? 0 : answer[25] * 6);
    }
    return answer.size();  // a vendor's, of which nothing is known
  }
  std::size_t ata_data_size() const {
    if (request.size() < 36 || answer.size() < 36) return 0;
    if ((answer[27] & ata::status_failed) != 0) return 0;
    const ata::Opcode opcode{request[27]};
    switch (ata::kind(opcode)) {
      case ata::Kind::read: return request[26] * sector_size;
      case ata::Kind::identify: return identify_size;
      case ata::Kind::write:
      case ata::Kind::flush: return 0;
      case ata::Kind::other: return opcode == ata::Opcode::smart ? sector_size : 0;
    }
    return 0;
  }
};

using Finding = std::optional<std::string>;

Mac mac_at(Bytes frame, std::size_t at) {
  Mac mac;
  std::ranges::copy(frame.subspan(at, 6), mac.octets.begin());
  return mac;
}

template <class Value>
Finding compare(std::string_view what, const Value& expected, const Value& got) {
  if (expected == got) return std::nullopt;
  return fmt::format("{}: expected {}, got {}", what, expected, got);
}

Finding destination(const Exchange& exchange) {
  return compare("destination", mac_at(exchange.request, 6), mac_at(exchange.answer, 0));
}

Finding source(const Exchange& exchange) {
  const Mac from = mac_at(exchange.answer, 6);
  if (!exchange.defaults.target.is_multicast()) {
    return compare("source", exchange.defaults.target, from);
  }
  if (!from.is_multicast()) return std::nullopt;
  return fmt::format("source: expected an address of its own, got {}", from);
}

Finding flag_r(const Exchange& exchange) {
  if ((exchange.flags() & flag_response) != 0) return std::nullopt;
  return "flag R: expected set, got clear";
}

Finding version(const Exchange& exchange) {
  return compare("version", unsigned{protocol_version}, unsigned{exchange.answer[14]} >> 4);
}

Finding reserved_flags(const Exchange& exchange) {
  return compare("the reserved flags", 0U, exchange.flags() & 3U);
}

Finding command(const Exchange& exchange) {
  return compare("command", unsigned{exchange.request[19]}, unsigned{exchange.answer[19]});
}

Finding address(const Exchange& exchange) {
  const Address own = exchange.defaults.address;
  const Address got{static_cast<std::uint16_t>(exchange.number(16)), exchange.answer[18]};
  if (got.shelf == own.shelf && got.slot >= own.slot &&
      got.slot < own.slot + exchange.defaults.luns) {
    return std::nullopt;
  }
  return fmt::format("shelf and slot: expected {}.{}, got {}.{}", own.shelf, own.slot, got.shelf,
                     got.slot);
}

Finding size(const Exchange& exchange) {
  if (exchange.answer.size() >= frame_size_min) return std::nullopt;
  return fmt::format("size: expected {} bytes or more, got {}", frame_size_min,
                     exchange.answer.size());
}

Finding error_byte(const Exchange& exchange) {
  if (exchange.is_error()) return std::nullopt;
  return compare("the error byte without flag E", 0U, unsigned{exchange.answer[15]});
}

Finding fill_bytes(const Exchange& exchange) {
  if (exchange.is_error()) return std::nullopt;
  for (std::size_t at = exchange.end(); at < exchange.answer.size(); ++at) {
    if (exchange.is_empty_or_echo(at)) continue;
    return fmt::format(
        "byte {}, behind the last field: expected 0x00, or the request's, got 0x{:02x}", at,
        exchange.answer[at]);
  }
  return std::nullopt;
}

Finding error_echo(const Exchange& exchange) {
  if (!exchange.is_error()) return std::nullopt;
  for (std::size_t at = header_size; at < exchange.answer.size(); ++at) {
    if (exchange.is_empty_or_echo(at)) continue;
    return fmt::format("byte {} of an error: expected 0x00, or the request's, got 0x{:02x}", at,
                       exchange.answer[at]);
  }
  return std::nullopt;
}

Finding reserved_bytes(const Exchange& exchange) {
  if (!exchange.is_ata()) return std::nullopt;
  return compare("the reserved bytes of an ATA answer", std::size_t{0}, exchange.number(34));
}

struct AnswerRule {
  std::string_view clause;
  Finding (*judge)(const Exchange&);
};

constexpr std::array<AnswerRule, 12> rules{{{"2/1", destination},
                                            {"2/2", source},
                                            {"2/3", flag_r},
                                            {"2/4", version},
                                            {"2/5", reserved_flags},
                                            {"2/6", command},
                                            {"2/8", address},
                                            {"2/15", size},
                                            {"2/16", error_byte},
                                            {"2/18", fill_bytes},
                                            {"2.4/5", error_echo},
                                            {"3.1/21", reserved_bytes}}};

}  // namespace

std::vector<std::string_view> answer_rules() {
  std::vector<std::string_view> clauses;
  for (const AnswerRule& rule : rules) clauses.push_back(rule.clause);
  return clauses;
}

std::optional<std::string> broken_answer_rule(std::span<const std::string> clauses, Bytes request,
                                              Bytes answer, const RawDefaults& defaults) {
  if (request.size() < header_size || answer.size() < header_size) return std::nullopt;
  const Exchange exchange{request, answer, defaults};
  for (const AnswerRule& rule : rules) {
    if (std::ranges::find(clauses, rule.clause) == clauses.end()) continue;
    if (const Finding finding = rule.judge(exchange)) {
      return fmt::format("{} ({})", *finding, rule.clause);
    }
  }
  return std::nullopt;
}

}  // namespace aoe::harness
