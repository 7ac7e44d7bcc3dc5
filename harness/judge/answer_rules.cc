#include "harness/judge/answer_rules.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "harness/judge/frame_rules.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

using layout::get;
using Wrong = std::optional<Mismatch>;

constexpr std::uint8_t known_error_max = static_cast<std::uint8_t>(ErrorCode::target_reserved);

/// A reply and its request, both with a whole header.
struct Exchange {
  Bytes request;
  Bytes reply;
  const Answerer& answerer;

  std::uint8_t flags() const { return get<Field::flags>(reply); }
  bool is_error() const { return (flags() & flag_error) != 0; }
  Command asked() const { return Command{get<Field::command>(request)}; }
  /// An answer to an ATA request, both with all registers.
  bool is_ata_answer() const {
    return asked() == Command::ata && !is_error() && request.size() >= ata_header_size &&
           reply.size() >= ata_header_size;
  }
  ata::Opcode opcode() const { return ata::Opcode{get<Field::ata_op>(request)}; }
  bool is_identify() const { return is_ata_answer() && ata::kind(opcode()) == ata::Kind::identify; }
  bool is_failure() const { return (get<Field::ata_status>(reply) & ata::status_failed) != 0; }

  /// Zero, or what the client itself has sent: no leak.
  bool is_empty_or_echo(std::size_t at) const {
    return reply[at] == 0 || (at < request.size() && reply[at] == request[at]);
  }

  /// Where the last field of a success ends. Fields that the reply is too short for count as zero.
  std::size_t end() const {
    const auto count = [this](Field field) {
      return reply.size() < layout::row(field).end() ? 0 : get(field, reply);
    };
    const std::size_t fixed = layout::fixed_size(layout::Message{get<Field::command>(request)});
    switch (asked()) {
      case Command::ata: return fixed + ata_data_size();
      case Command::config: return fixed + count(Field::config_length);
      case Command::mask:
        return fixed + (count(Field::mask_error) != 0 ? 0 : count(Field::mask_count) * 8);
      case Command::reserve: return fixed + count(Field::reserve_count) * 6;
    }
    return reply.size();  // a vendor's, of which nothing is known
  }
  std::size_t ata_data_size() const {
    if (!is_ata_answer() || is_failure()) return 0;
    if (opcode() == ata::Opcode::smart) return sector_size;
    return data_due(opcode(), get<Field::ata_count>(request));
  }
};

template <class Value>
Wrong compare(std::string_view what, const Value& expected, const Value& got) {
  if (expected == got) return std::nullopt;
  return Mismatch{std::string(what), fmt::format("{}", expected), fmt::format("{}", got)};
}

/// Is the field what it is expected to be?
Wrong compare(Field field, std::uint64_t expected, Bytes reply) {
  const std::uint64_t got = get(field, reply);
  if (got == expected) return std::nullopt;
  return Mismatch{std::string(layout::row(field).name), layout::format(field, expected),
                  layout::format(field, got)};
}

Wrong destination(const Exchange& exchange) {
  return compare(Field::destination, get(Field::source, exchange.request), exchange.reply);
}

Wrong source(const Exchange& exchange) {
  const Mac expected = exchange.answerer.mac;
  if (!expected.is_multicast()) {
    return compare(Field::source, layout::number(expected), exchange.reply);
  }
  const Mac from = get<Field::source>(exchange.reply);
  if (!from.is_multicast()) return std::nullopt;
  return Mismatch{"source", "an address of its own", fmt::format("{}", from)};
}

Wrong flag_r(const Exchange& exchange) {
  if ((exchange.flags() & flag_response) != 0) return std::nullopt;
  return Mismatch{"flag R", "set", "clear"};
}

Wrong version(const Exchange& exchange) {
  return compare(Field::version, protocol_version, exchange.reply);
}

Wrong reserved_flags_kept(const Exchange& exchange) {
  return compare("the reserved flags", 0U, exchange.flags() & 3U);
}

Wrong command(const Exchange& exchange) {
  return compare(Field::command, get(Field::command, exchange.request), exchange.reply);
}

Wrong address(const Exchange& exchange) {
  const auto& [mac, own, luns] = exchange.answerer;
  const Address got{get<Field::shelf>(exchange.reply), get<Field::slot>(exchange.reply)};
  if (got == own || std::ranges::find(luns, got, &Lun::address) != luns.end()) {
    return std::nullopt;
  }
  return Mismatch{"shelf and slot", fmt::format("{}.{}", own.shelf, own.slot),
                  fmt::format("{}.{}", got.shelf, got.slot)};
}

Wrong size(const Exchange& exchange) {
  if (exchange.reply.size() >= frame_size_min) return std::nullopt;
  return Mismatch{"size", fmt::format("{} bytes or more", frame_size_min),
                  fmt::format("{}", exchange.reply.size())};
}

Wrong error_byte(const Exchange& exchange) {
  if (exchange.is_error()) return std::nullopt;
  return compare("the error byte without flag E", 0U, unsigned{get<Field::error>(exchange.reply)});
}

/// All bytes from `begin` on are zero, or the request's.
Wrong nothing_from(std::size_t begin, std::string_view where, const Exchange& exchange) {
  for (std::size_t at = begin; at < exchange.reply.size(); ++at) {
    if (exchange.is_empty_or_echo(at)) continue;
    return Mismatch{fmt::format("byte {}{}", at, where), "0x00, or the request's",
                    fmt::format("0x{:02x}", exchange.reply[at])};
  }
  return std::nullopt;
}

Wrong fill_bytes(const Exchange& exchange) {
  if (exchange.is_error()) return std::nullopt;
  return nothing_from(exchange.end(), ", behind the last field", exchange);
}

/// Flag E with error 0 is no error at all.
Wrong error_echo(const Exchange& exchange) {
  if (!exchange.is_error() || get<Field::error>(exchange.reply) == 0) return std::nullopt;
  return nothing_from(header_size, " of an error", exchange);
}

Wrong reserved_bytes(const Exchange& exchange) {
  const bool is_ata = exchange.asked() == Command::ata && !exchange.is_error();
  if (!is_ata || exchange.reply.size() < ata_header_size) return std::nullopt;
  return compare("the reserved bytes of an ATA answer", 0U,
                 unsigned{get<Field::ata_reserved>(exchange.reply)});
}

/// Flag E goes with one of the errors that there are.
Wrong error_code(const Exchange& exchange) {
  const std::uint8_t code = get<Field::error>(exchange.reply);
  if (!exchange.is_error() || (code >= 1 && code <= known_error_max)) return std::nullopt;
  return Mismatch{"error", fmt::format("1 to {}, with flag E", known_error_max),
                  fmt::format("{}", code)};
}

/// A success has all that its counts say.
template <Command command>
Wrong whole(const Exchange& exchange) {
  if (exchange.asked() != command || exchange.is_error()) return std::nullopt;
  const std::size_t end = exchange.end();
  if (exchange.reply.size() >= end) return std::nullopt;
  return Mismatch{"size", fmt::format("{} bytes or more", end),
                  fmt::format("{}", exchange.reply.size())};
}
Wrong whole_read(const Exchange& exchange) {
  return exchange.is_identify() ? std::nullopt : whole<Command::ata>(exchange);
}
Wrong whole_identify(const Exchange& exchange) {
  return exchange.is_identify() ? whole<Command::ata>(exchange) : std::nullopt;
}

Wrong sectors_left(const Exchange& exchange) {
  if (!exchange.is_ata_answer() || exchange.is_failure()) return std::nullopt;
  const ata::Opcode opcode = exchange.opcode();
  const ata::Kind kind = ata::kind(opcode);
  const bool counts =
      kind == ata::Kind::flush || kind == ata::Kind::identify || moves_sectors(opcode);
  return counts ? compare(Field::ata_count, 0, exchange.reply) : std::nullopt;
}

/// Without ERR and DF it is a success.
Wrong status(const Exchange& exchange) {
  if (!exchange.is_ata_answer()) return std::nullopt;
  const std::uint8_t status = get<Field::ata_status>(exchange.reply);
  const bool failed = (status & (ata::status_err | ata::status_df)) != 0;
  const bool succeeded = (status & (ata::status_drdy | ata::status_failed)) == ata::status_drdy;
  if (failed || succeeded) return std::nullopt;
  return Mismatch{"ata.status", "DRDY without BSY and DRQ, or ERR or DF",
                  layout::format(Field::ata_status, status)};
}

Wrong config_version(const Exchange& exchange) {
  const bool is_config = exchange.asked() == Command::config && !exchange.is_error();
  if (!is_config || exchange.reply.size() < config_header_size) return std::nullopt;
  return compare(Field::config_version, protocol_version, exchange.reply);
}

struct AnswerRule {
  std::string_view clause;
  Wrong (*judge)(const Exchange&);
};

constexpr std::array<AnswerRule, 21> rules{{{"2/1", destination},
                                            {"2/2", source},
                                            {"2/3", flag_r},
                                            {"2/4", version},
                                            {"2/5", reserved_flags_kept},
                                            {"2/6", command},
                                            {"2/8", address},
                                            {"2/15", size},
                                            {"2/16", error_byte},
                                            {"2/18", fill_bytes},
                                            {"2.4/3", error_code},
                                            {"2.4/5", error_echo},
                                            {"3.1/1", whole_read},
                                            {"3.1/3", sectors_left},
                                            {"3.1/4", status},
                                            {"3.1/12", whole_identify},
                                            {"3.1/21", reserved_bytes},
                                            {"3.2/9", whole<Command::config>},
                                            {"3.2/13", config_version},
                                            {"3.3/1", whole<Command::mask>},
                                            {"3.4/1", whole<Command::reserve>}}};

}  // namespace

std::vector<Mismatch> broken_answer_rules(Bytes request, Bytes reply, const Answerer& answerer) {
  std::vector<Mismatch> broken;
  if (request.size() < header_size || reply.size() < header_size) return broken;
  const Exchange exchange{request, reply, answerer};
  for (const AnswerRule& rule : rules) {
    Wrong wrong = rule.judge(exchange);
    if (!wrong) continue;
    wrong->clause = rule.clause;
    broken.push_back(*std::move(wrong));
  }
  return broken;
}

std::optional<Mismatch> broken_answer_rule(std::span<const std::string> clauses, Bytes request,
                                           Bytes reply, const Answerer& answerer) {
  for (Mismatch& wrong : broken_answer_rules(request, reply, answerer)) {
    if (std::ranges::find(clauses, wrong.clause) != clauses.end()) return std::move(wrong);
  }
  return std::nullopt;
}

}  // namespace aoe::harness
