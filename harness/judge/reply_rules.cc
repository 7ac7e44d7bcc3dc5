#include "harness/judge/reply_rules.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/printable.h"
#include "harness/judge/frame_rules.h"
#include "proto/describe.h"

namespace aoe::harness {
namespace {

/// Did the server refuse, in whatever way?
bool is_refusal(const Body& body) {
  if (std::holds_alternative<ErrorReply>(body)) return true;
  if (const auto* ata = std::get_if<AtaReply>(&body)) return !is_success(*ata);
  if (const auto* mask = std::get_if<MaskReply>(&body)) return mask->error != MaskError::none;
  return false;
}

class ReplyJudge {
 public:
  ReplyJudge(const Answered& answered, const Ledger& ledger)
      : answered_(answered), request_(answered.request), ledger_(ledger) {}

  ReplyFindings judge() {
    if (const auto& mask = answered_.device.mask;
        mask && !mask->empty() && !is_listed(*mask, answered_.client)) {
      doubt("masked-answer",
            fmt::format("{} answers {}, who is not on its mask list, unless another host has "
                        "changed it",
                        named(), answered_.client));
    }
    if (answered_.reject) {
      refusal(*answered_.reject);
    } else {
      std::visit([this](const auto& body) { judge(body); }, answered_.body);
    }
    return std::move(found_);
  }

 private:
  void report(RuleName rule, std::string text, std::string_view clause = {}) {
    found_.certain.push_back(finding(rule, std::move(text), clause));
  }
  void doubt(RuleName rule, std::string text, std::string_view clause = {}) {
    found_.doubtful.push_back(finding(rule, std::move(text), clause));
  }
  Finding finding(RuleName rule, std::string text, std::string_view clause) const {
    return make_finding(rule, std::move(text), {request_.id, answered_.reply.id}, clause);
  }
  void accepted(const std::string& what, std::string_view clause) {
    report("accepted", fmt::format("{} to {}", named(), what), clause);
  }
  void accepted_in_doubt(const std::string& what, std::string_view clause) {
    doubt("accepted", fmt::format("{} to {}", named(), what), clause);
  }
  void wrong_error(std::string_view why, std::string_view clause) {
    report("wrong-error", fmt::format("{}: {}", named(), why), clause);
  }

  std::string named() const { return ledger_.summary(answered_.reply.id); }

  /// The answer to a request that decode() refuses.
  void refusal(const Reject& reject) {
    const auto wanted = answer_to(reject.rule);
    if (!wanted) return;
    std::array<char, description_size_max> room;
    const auto* error = std::get_if<ErrorReply>(&answered_.body);
    if (!is_refusal(answered_.body)) {
      accepted(fmt::format("what is to be refused with error {}: {}", name(*wanted),
                           describe(reject, room)),
               refusing_clause(reject.rule));
    } else if (error != nullptr && error->code != *wanted) {
      wrong_error(fmt::format("expected error {}, for {}", name(*wanted), describe(reject, room)),
                  refusing_clause(reject.rule));
    }
  }

  void judge(const ErrorReply& error) {
    const auto command = static_cast<Command>(request_.command);
    const bool is_config = command == Command::config;
    switch (error.code) {
      case ErrorCode::unrecognized_command:
        if (command <= Command::config) wrong_error("every server knows this command", "2.4/1");
        break;
      case ErrorCode::bad_argument:
      case ErrorCode::device_unavailable: break;
      case ErrorCode::config_string_present:
        if (!is_config || ConfigCommand{answered_.kind} != ConfigCommand::set)
          wrong_error("the request sets no config string", "3.2/6");
        break;
      case ErrorCode::unsupported_version: wrong_error("the request has version 1", "2.4/2"); break;
      case ErrorCode::target_reserved:
        if (is_config) wrong_error("queries are for everyone", "3.4/8");
        if (command == Command::mask) wrong_error("a reservation is for ATA commands", "3.4/6");
        if (command == Command::ata && request_.opcode == ata::Opcode::identify_device)
          wrong_error("IDENTIFY is for everyone", "3.4/7");
        break;
    }
  }

  void judge(const AtaReply& reply) {
    if (!is_success(reply)) return;
    const DeviceAccount& device = answered_.device;
    const ata::Kind kind = ata::kind(request_.opcode);
    const bool moves = moves_sectors(request_.opcode);
    if (device.reserved && !device.reserved->empty() && kind != ata::Kind::identify &&
        !is_listed(*device.reserved, answered_.client)) {
      doubt("reservation-ignored",
            fmt::format("{} serves {}, and others hold it, unless another host has released it",
                        named(), answered_.client));
    }
    if (moves && request_.sectors == 0) {
      accepted("a count of 0 sectors", "3.1/6");
    } else if (moves && request_.sectors > answered_.sectors_max) {
      accepted_in_doubt(fmt::format("a count of {} sectors, {} are advertised", request_.sectors,
                                    answered_.sectors_max),
                        "3.1/5");
    }
    if (moves && device.capacity && request_.lba + request_.sectors > *device.capacity) {
      accepted_in_doubt(fmt::format("lba {}+{}, beyond the {} there are", request_.lba,
                                    request_.sectors, quantity(*device.capacity, "sector")),
                        "3.1/9");
    }
    if (moves && reply.sectors_left != 0)
      report("sectors-left", fmt::format("{} is success", named()));
    const std::size_t due = data_due(request_.opcode, request_.sectors);
    if (reply.data.size() < due) {
      report("short-data",
             fmt::format("{} brings {} bytes of {}", named(), reply.data.size(), due));
    }
  }

  void judge(const ConfigReply& reply) {
    if (answered_.is_cut) return;
    const std::string_view asked = answered_.string;
    const std::string_view held(reinterpret_cast<const char*>(reply.string.data()),
                                reply.string.size());
    const auto differs = [&](std::string_view what, std::string_view clause) {
      report("config-answer",
             fmt::format("{} answers {}: {}", named(), what, ledger_.summary(request_.id)), clause);
    };
    switch (ConfigCommand{answered_.kind}) {
      case ConfigCommand::read: break;
      case ConfigCommand::test:
        if (held != asked) differs("a test for another string", "3.2/4");
        break;
      case ConfigCommand::prefix:
        if (!held.starts_with(asked)) differs("a test for another prefix", "3.2/4");
        break;
      case ConfigCommand::set:
      case ConfigCommand::force_set:
        if (held != asked) differs("a set of another string", "3.2/9");
        break;
    }
  }

  template <class Other>
  void judge(const Other&) {}

  const Answered& answered_;
  const LedgerEntry& request_;
  const Ledger& ledger_;
  ReplyFindings found_;
};

}  // namespace

ReplyFindings judge_answered(const Answered& answered, const Ledger& ledger) {
  return ReplyJudge(answered, ledger).judge();
}

bool is_listed(const std::vector<Mac>& list, const Mac& mac) {
  return std::ranges::find(list, mac) != list.end();
}

bool is_success(const AtaReply& reply) {
  return (reply.status & ata::status_failed) == 0;
}

}  // namespace aoe::harness
