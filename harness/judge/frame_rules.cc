#include "harness/judge/frame_rules.h"

#include <array>
#include <optional>

#include <fmt/format.h>

#include "harness/link/reserved_fields.h"
#include "proto/describe.h"

namespace aoe::harness {
namespace {

constexpr std::uint8_t error_code_max = static_cast<std::uint8_t>(ErrorCode::target_reserved);

/// What a known opcode needs of E; nothing where it does not matter.
std::optional<bool> wants_extended(ata::Opcode opcode) {
  switch (opcode) {
    case ata::Opcode::read_sectors_ext:
    case ata::Opcode::read_dma_ext:
    case ata::Opcode::write_sectors_ext:
    case ata::Opcode::write_dma_ext:
    case ata::Opcode::read_verify_ext: return true;
    case ata::Opcode::read_sectors:
    case ata::Opcode::read_dma:
    case ata::Opcode::write_sectors:
    case ata::Opcode::write_dma:
    case ata::Opcode::read_verify: return false;
    case ata::Opcode::data_set_management:
    case ata::Opcode::smart:
    case ata::Opcode::standby_immediate:
    case ata::Opcode::idle_immediate:
    case ata::Opcode::standby:
    case ata::Opcode::idle:
    case ata::Opcode::check_power_mode:
    case ata::Opcode::flush_cache:
    case ata::Opcode::flush_cache_ext:
    case ata::Opcode::identify_device: return std::nullopt;
  }
  return std::nullopt;  // the wire holds any
}

class Judge {
 public:
  Judge(const SeenFrame& seen, const FrameFinding& tell) : seen_(seen), tell_(tell) {}

  void judge() const {
    if (seen_.wire_size < frame_size_min) {
      say(FindingKind::short_frame, fmt::format("{} bytes on the wire", seen_.wire_size));
    }
    if (!seen_.decoded) return refused(seen_.decoded.error(), false);
    const Frame& frame = *seen_.decoded;
    header(frame);
    if (!seen_.is_cut) {
      if (const auto field = set_reserved_field(seen_.bytes, frame); !field.empty()) {
        const bool in_flags = (seen_.bytes[14] & 3) != 0;
        const std::string_view clause = !frame.response ? "2/30" : in_flags ? "2/5" : "3.1/21";
        tell_(FindingKind::reserved_field, clause, fmt::format("there is something in {}", field));
      }
    }
    if (!frame.body) return refused(frame.body.error(), frame.response);
    std::visit([this](const auto& body) { judge(body); }, *frame.body);
  }

 private:
  void say(FindingKind kind, const std::string& text) const {
    tell_(kind, info(kind).clause, text);
  }

  void refused(const Reject& reject, bool is_reply) const {
    if (reject.rule == Rule::read_data_short) return;  // told where the request is known
    std::array<char, description_size_max> room;
    tell_(kind_of(reject.rule), broken_clause(reject.rule, is_reply),
          std::string(describe(reject, room)));
  }

  void header(const Frame& frame) const {
    const std::uint8_t flags = seen_.bytes[14] & 0xf;
    const std::uint8_t error = seen_.bytes[15];
    const bool has_error = (flags & flag_error) != 0;
    if (frame.header.source.is_multicast()) {
      say(FindingKind::group_source, fmt::format("it comes from {}", frame.header.source));
    }
    if (has_error && !frame.response) {
      say(FindingKind::request_with_error, "a request with flag E");
    }
    if (!has_error && error != 0) {
      tell_(FindingKind::error_byte, frame.response ? "2/16" : "2/30",
            fmt::format("error {} without flag E", error));
    }
    if (has_error && frame.response && (error == 0 || error > error_code_max)) {
      say(FindingKind::unknown_error, fmt::format("error {}", error));
    }
    if (frame.response && !frame.header.address.is_exact()) {
      say(FindingKind::wildcard_reply, fmt::format("a reply from {}", frame.header.address));
    }
  }

  void judge(const AtaRequest& request) const {
    const ata::Kind kind = ata::kind(request.opcode);
    if (const auto extended = wants_extended(request.opcode);
        extended && *extended != request.flags.extended) {
      tell_(FindingKind::ata_flags, "3.1/43",
            fmt::format("{} {} flag E", ata::name(request.opcode), *extended ? "without" : "with"));
    }
    if (kind != ata::Kind::other && (kind == ata::Kind::write) != request.flags.write) {
      say(FindingKind::ata_flags, fmt::format("{} {} flag W", ata::name(request.opcode),
                                              request.flags.write ? "with" : "without"));
    }
    if (moves_sectors(request.opcode) && request.sectors == 0) {
      say(FindingKind::zero_count, fmt::format("{} of 0 sectors", ata::name(request.opcode)));
    }
  }
  void judge(const AtaReply& reply) const {
    const unsigned status = reply.status;
    const bool is_failed = (status & (ata::status_err | ata::status_df)) != 0;
    if ((status & ata::status_bsy) != 0) {
      say(FindingKind::bad_status,
          fmt::format("status {:02x} has BSY: the drive is not done", status));
    } else if ((status & ata::status_drq) != 0) {
      say(FindingKind::bad_status, fmt::format("status {:02x} has DRQ: data is still due", status));
    } else if (!is_failed && (status & ata::status_drdy) == 0) {
      say(FindingKind::bad_status, fmt::format("status {:02x} is success without DRDY", status));
    } else if ((status & ata::status_err) != 0 && reply.error == 0) {
      say(FindingKind::bad_status, fmt::format("status {:02x} has ERR, and error is 00", status));
    }
  }
  void judge(const ConfigReply&) const {
    if (const unsigned version = seen_.bytes[29] >> 4; version != protocol_version) {
      say(FindingKind::config_version, fmt::format("it speaks version {}", version));
    }
  }
  void judge(const MaskRequest& request) const {
    for (std::size_t i = 0; i < request.directives.size(); ++i) {
      const unsigned command = request.directives[i].command;
      if (command > static_cast<unsigned>(DirectiveCommand::remove)) {
        say(FindingKind::bad_directive, fmt::format("directive {} is {}", i, command));
      }
    }
  }
  template <class Other>
  void judge(const Other&) const {}

  const SeenFrame& seen_;
  const FrameFinding& tell_;
};

}  // namespace

void judge_frame(const SeenFrame& seen, const FrameFinding& tell) {
  Judge(seen, tell).judge();
}

bool moves_sectors(ata::Opcode opcode) {
  const ata::Kind kind = ata::kind(opcode);
  return kind == ata::Kind::read || kind == ata::Kind::write;
}

std::string name(ErrorCode code) {
  return fmt::format("{} ({})", static_cast<unsigned>(code), text(code));
}

}  // namespace aoe::harness
