#include "harness/judge/frame_rules.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "proto/describe.h"
#include "proto/identify.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

constexpr std::uint8_t error_code_max = static_cast<std::uint8_t>(ErrorCode::target_reserved);

constexpr std::uint8_t reserved_flags = 0x03;
constexpr std::uint8_t reserved_ata_flags = 0xac;

std::string_view reserved_of_ata(Bytes bytes) {
  if ((layout::get<Field::ata_flags>(bytes) & reserved_ata_flags) != 0)
    return "the reserved AFlags (§3.1)";
  if (layout::get<Field::ata_reserved>(bytes) != 0)
    return "the reserved bytes after the LBA (§3.1)";
  return {};
}

std::string_view reserved_of_query(Bytes bytes) {
  const bool is_empty = layout::get<Field::config_buffers>(bytes) == 0 &&
                        layout::get<Field::config_firmware>(bytes) == 0 &&
                        layout::get<Field::config_sectors>(bytes) == 0;
  return is_empty
             ? std::string_view()
             : "the fields of a query that are the server's: buffers, firmware, sectors (§3.2)";
}

std::string_view reserved_of_mask(Bytes bytes, const DirectiveList& list) {
  if (layout::get<Field::mask_reserved>(bytes) != 0)
    return "the reserved byte of the mask list (§3.3)";
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (layout::get<Field::mask_directive_reserved>(bytes, i) != 0)
      return "the reserved byte of a directive (§3.3)";
  }
  return {};
}

/// The clauses that are about frames which decode() refuses.
struct Clauses {
  std::string_view refusing;            // a target refuses such a request
  std::string_view request = refusing;  // what a request breaks,
  std::string_view reply = refusing;    // and what a reply breaks
};

Clauses clauses_of(Rule rule) {
  switch (rule) {
    case Rule::frame_too_short:
    case Rule::not_aoe: return {"2/12"};
    case Rule::arg_too_short: return {"2/12", "2/12", "2/39"};
    case Rule::unsupported_version: return {"2.4/2", "2/30", "2/4"};
    case Rule::unknown_command: return {"2.4/1", "2.4/1", "2/6"};
    case Rule::write_data_short: return {"3.1/7", "3.1/40", "3.1/40"};
    case Rule::read_data_short: return {"3.1/1"};
    case Rule::unknown_config_command: return {"3.2/8"};
    case Rule::config_string_too_long: return {"3.2/10", "3.2/10", "3.2/9"};
    case Rule::config_string_beyond_frame: return {"3.2/11", "3.2/11", "3.2/9"};
    case Rule::unknown_mask_command: return {"3.3/5"};
    case Rule::unknown_mask_error: return {"3.3/4"};
    case Rule::mask_directives_beyond_frame: return {"3.3/9", "3.3/9", "3.3/1"};
    case Rule::unknown_reserve_command: return {"3.4/9"};
    case Rule::reserve_addresses_beyond_frame: return {"3.4/10", "3.4/10", "3.4/1"};
    case Rule::identify_too_short:
    case Rule::identify_not_lba:
    case Rule::identify_too_large:
    case Rule::identify_no_sectors: return {"3.1/12"};
    case Rule::identify_checksum: return {"3.1/14"};
    case Rule::identify_sector_size: return {"3.1/13"};
  }
  AOE_CHECK(false && "a rule without a clause");
}

RuleName rule_of(Rule rule) {
  if (rule == Rule::unsupported_version) return "unsupported-version";
  if (rule == Rule::unknown_command) return "unknown-command";
  return "malformed";
}

class FrameJudge {
 public:
  explicit FrameJudge(const SeenFrame& seen) : seen_(seen) {}

  std::vector<Finding> judge() {
    frame();
    return std::move(found_);
  }

 private:
  void frame() {
    if (seen_.wire_size < frame_size_min) {
      say("short-frame", fmt::format("{} bytes on the wire", seen_.wire_size));
    }
    if (!seen_.decoded) return refused(seen_.decoded.error(), false);
    const Frame& frame = *seen_.decoded;
    header(frame);
    if (!seen_.is_cut) {
      if (const auto field = set_reserved_field(seen_.bytes, frame); !field.empty()) {
        const bool in_flags = (layout::get<Field::flags>(seen_.bytes) & 3) != 0;
        const std::string_view clause = !frame.response ? "2/30" : in_flags ? "2/5" : "3.1/21";
        say("reserved-field", fmt::format("there is something in {}", field), clause);
      }
    }
    if (!frame.body) return refused(frame.body.error(), frame.response);
    std::visit([this](const auto& body) { judge(body); }, *frame.body);
  }
  void say(RuleName rule, std::string text, std::string_view clause = {}) {
    found_.push_back(make_finding(rule, std::move(text), {}, clause));
  }

  void refused(const Reject& reject, bool is_reply) {
    if (reject.rule == Rule::read_data_short) return;  // reported where the request is known
    std::array<char, description_size_max> room;
    say(rule_of(reject.rule), std::string(describe(reject, room)),
        broken_clause(reject.rule, is_reply));
  }

  void header(const Frame& frame) {
    const std::uint8_t flags = layout::get<Field::flags>(seen_.bytes);
    const std::uint8_t error = layout::get<Field::error>(seen_.bytes);
    const bool has_error = (flags & flag_error) != 0;
    if (frame.header.source.is_multicast()) {
      say("group-source", fmt::format("it comes from {}", frame.header.source));
    }
    if (has_error && !frame.response) {
      say("request-with-error", "a request with flag E");
    }
    if (!has_error && error != 0) {
      say("error-byte", fmt::format("error {} without flag E", error),
          frame.response ? "2/16" : "2/30");
    }
    if (has_error && frame.response && (error == 0 || error > error_code_max)) {
      say("unknown-error", fmt::format("error {}", error));
    }
    if (frame.response && !frame.header.address.is_exact()) {
      say("wildcard-reply", fmt::format("a reply from {}", frame.header.address));
    }
  }

  void judge(const AtaRequest& request) {
    const ata::Kind kind = ata::kind(request.opcode);
    const unsigned lba_bits = ata::lba_bits(request.opcode);
    if (lba_bits > 0 && (lba_bits == 48) != request.flags.extended) {
      say("ata-flags",
          fmt::format("{} {} flag E", ata::name(request.opcode),
                      request.flags.extended ? "with" : "without"),
          "3.1/43");
    }
    if (kind != ata::Kind::other && (kind == ata::Kind::write) != request.flags.write) {
      say("ata-flags", fmt::format("{} {} flag W", ata::name(request.opcode),
                                   request.flags.write ? "with" : "without"));
    }
    if (moves_sectors(request.opcode) && request.sectors == 0) {
      say("zero-count", fmt::format("{} of 0 sectors", ata::name(request.opcode)));
    }
  }
  void judge(const AtaReply& reply) {
    const unsigned status = reply.status;
    const bool is_failed = (status & (ata::status_err | ata::status_df)) != 0;
    if ((status & ata::status_bsy) != 0) {
      say("bad-status", fmt::format("status {:02x} has BSY: the drive is not done", status));
    } else if ((status & ata::status_drq) != 0) {
      say("bad-status", fmt::format("status {:02x} has DRQ: data is still due", status));
    } else if (!is_failed && (status & ata::status_drdy) == 0) {
      say("bad-status", fmt::format("status {:02x} is success without DRDY", status));
    } else if ((status & ata::status_err) != 0 && reply.error == 0) {
      say("bad-status", fmt::format("status {:02x} has ERR, and error is 00", status));
    }
  }
  void judge(const ConfigReply&) {
    const unsigned version = layout::get<Field::config_version>(seen_.bytes);
    if (version != protocol_version) {
      say("config-version", fmt::format("it speaks version {}", version));
    }
  }
  void judge(const MaskRequest& request) {
    for (std::size_t i = 0; i < request.directives.size(); ++i) {
      const unsigned command = request.directives[i].command;
      if (command > static_cast<unsigned>(DirectiveCommand::remove)) {
        say("bad-directive", fmt::format("directive {} is {}", i, command));
      }
    }
  }
  template <class Other>
  void judge(const Other&) {}

  const SeenFrame& seen_;
  std::vector<Finding> found_;
};

}  // namespace

std::vector<Finding> judge_frame(const SeenFrame& seen) {
  return FrameJudge(seen).judge();
}

std::string_view set_reserved_field(Bytes bytes, const Frame& frame) {
  if ((layout::get<Field::flags>(bytes) & reserved_flags) != 0) return "the reserved flags (§2)";
  if (!frame.body) return {};
  // An error is of none of these: its Arg may be an echo of the request's.
  const Body& body = *frame.body;
  if (std::holds_alternative<AtaRequest>(body) || std::holds_alternative<AtaReply>(body))
    return reserved_of_ata(bytes);
  if (std::holds_alternative<ConfigRequest>(body)) return reserved_of_query(bytes);
  if (const auto* mask = std::get_if<MaskRequest>(&body))
    return reserved_of_mask(bytes, mask->directives);
  if (const auto* mask = std::get_if<MaskReply>(&body)) return reserved_of_mask(bytes, mask->list);
  return {};
}

std::string_view broken_clause(Rule rule, bool is_reply) {
  const Clauses clauses = clauses_of(rule);
  return is_reply ? clauses.reply : clauses.request;
}

std::string_view refusing_clause(Rule rule) {
  return clauses_of(rule).refusing;
}

bool moves_sectors(ata::Opcode opcode) {
  const ata::Kind kind = ata::kind(opcode);
  return kind == ata::Kind::read || kind == ata::Kind::write;
}

std::size_t data_due(ata::Opcode opcode, std::uint8_t sectors) {
  const ata::Kind kind = ata::kind(opcode);
  if (kind == ata::Kind::identify) return identify_size;
  return kind == ata::Kind::read ? sectors * sector_size : 0;
}

std::string name(ErrorCode code) {
  return fmt::format("{} ({})", static_cast<unsigned>(code), text(code));
}

}  // namespace aoe::harness
