#include "harness/language/abilities.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "proto/ata.h"
#include "proto/codes.h"

namespace aoe::harness {
namespace {

/// The clauses that demand an ability; of the others a target may have none.
struct Demanded {
  std::string_view ability;
  std::string_view clause;
};
constexpr std::array<Demanded, 4> demanded{{{"identify", "3.1/12"},
                                            {"flush", "3.1/15"},
                                            {"flush-ext", "3.1/16"},
                                            {"config-string", "3.2/3"}}};

std::string_view ability_of(ata::Opcode opcode) {
  switch (opcode) {
    case ata::Opcode::read_sectors:
    case ata::Opcode::write_sectors: return "lba28";
    case ata::Opcode::read_sectors_ext:
    case ata::Opcode::write_sectors_ext: return "lba48";
    case ata::Opcode::flush_cache: return "flush";
    case ata::Opcode::flush_cache_ext: return "flush-ext";
    case ata::Opcode::identify_device: return "identify";
    default: return {};  // asked for by `advertised`, or meant to be refused
  }
}

/// Empty: nothing that is asked for by a probe.
std::string_view ability_of(const FrameSpec& frame) {
  if (!frame.message) return {};
  switch (*frame.message) {
    case layout::Message::ata:
      return ability_of(ata::Opcode{static_cast<std::uint8_t>(*frame.value(Field::ata_op))});
    case layout::Message::config:
      return frame.value(Field::config_op).value_or(0) == 0 ? "" : "config-string";
    case layout::Message::mask: return "mask";
    case layout::Message::reserve: return "reserve";
    case layout::Message::header: break;
  }
  return {};
}

const FrameSpec* frame_of(const Step& step) {
  if (const auto* send = std::get_if<SendStep>(&step.what)) return &send->frame;
  const auto* query = std::get_if<QueryStep>(&step.what);
  return query == nullptr ? nullptr : &query->query.request;
}

bool demands(const Scenario& scenario, std::string_view ability) {
  return std::ranges::any_of(demanded, [&](const Demanded& each) {
    return each.ability == ability && std::ranges::count(scenario.clauses, each.clause) > 0;
  });
}

/// The words of what only a description without a file can lack: that it takes such a request at all.
/// They are not said by a person.
constexpr std::string_view io_read = "io read";
constexpr std::string_view io_write = "io write";
constexpr std::string_view io_flush = "io flush";
constexpr std::string_view io_trim = "io trim";

bool cites(const Scenario& scenario, std::string_view clause) {
  return std::ranges::count(scenario.clauses, clause) > 0;
}

/// Does what comes of the step depend on when a silent device is given up?
bool depends_on_deadsecs(const Step& step) {
  const auto* expect = std::get_if<ExpectStep>(&step.what);
  return expect != nullptr &&
         (expect->device || (expect->io && expect->io->result != IoResult::ok));
}

/// Adds what the initiator must have for the step.
void add_needs(const Step& step, std::set<std::string>& needed) {
  if (std::holds_alternative<HoldStep>(step.what)) needed.insert("open");
  const auto* expect = std::get_if<ExpectStep>(&step.what);
  if (expect != nullptr && expect->device) needed.insert("state");
  if (std::holds_alternative<WarmupStep>(step.what)) needed.emplace(io_read);
  const auto* io = std::get_if<IoStep>(&step.what);
  if (io == nullptr) return;
  switch (io->operation) {
    case IoOperation::read: needed.emplace(io_read); break;
    case IoOperation::mixed: needed.insert({std::string(io_read), std::string(io_write)}); break;
    case IoOperation::write: needed.emplace(io_write); break;
    case IoOperation::flush: needed.emplace(io_flush); break;
    case IoOperation::trim: needed.emplace(io_trim); break;
  }
}

/// Adds what the initiator must have for all of the scenario.
void add_needs(const Scenario& scenario, std::set<std::string>& needed) {
  for (const Step& step : scenario.steps) add_needs(step, needed);
  if (scenario.target().paths > 1) needed.insert("multipath");
  const bool has_several = std::ranges::any_of(
      scenario.network.nodes, [](const Node& node) { return node.ports.size() > 1; });
  if (has_several) needed.insert("interfaces");
  if (cites(scenario, "profile/closewait")) needed.insert("closewait");
  // What is long enough in the scenario is so for others, too; what runs out is not.
  const bool runs_out = cites(scenario, "profile/deadsecs") ||
                        std::ranges::any_of(scenario.steps, depends_on_deadsecs);
  if (scenario.given.names.contains("deadsecs") && runs_out) needed.insert("deadsecs");
  if (scenario.given.names.contains("maxout")) needed.insert("maxout");
}

}  // namespace

const std::set<std::string>& ability_words() {
  static const std::set<std::string> words{
      "closewait",  "config-string", "deadsecs", "discovery", "flush",  "flush-ext", "identify",
      "interfaces", "lba28",         "lba48",    "mask",      "maxout", "multipath", "open",
      "read",       "reserve",       "state",    "trim",      "write"};
  return words;
}

std::map<std::string, std::string> abilities_lacking(const Implementation& implementation) {
  std::map<std::string, std::string> lacking = implementation.cannot;
  if (implementation.role == Implementation::Role::target) return lacking;
  for (const std::string word : {"deadsecs", "maxout"}) {
    if (!implementation.takes(word))
      lacking.emplace(word, fmt::format("its command has no {{{}}}", word));
  }
  if (implementation.use() == Implementation::Use::file) return lacking;
  const std::string no_file = "its disk is used by commands, not by a file";
  for (const char* word : {"open", "closewait", "state", "trim"}) lacking.emplace(word, no_file);
  if (implementation.use() == Implementation::Use::requests) {
    if (implementation.write.empty()) lacking.emplace("write", "its description has no write:");
    if (implementation.flush.empty()) lacking.emplace("flush", "its description has no flush:");
  }
  for (const auto& [word, io] :
       {std::pair{"read", io_read}, {"write", io_write}, {"flush", io_flush}, {"trim", io_trim}}) {
    if (const auto reason = lacking.find(word); reason != lacking.end())
      lacking.emplace(io, reason->second);
  }
  return lacking;
}

std::set<std::string> abilities_needed(const Scenario& scenario) {
  std::set<std::string> needed(scenario.needs.begin(), scenario.needs.end());
  if (plays_initiator(scenario)) {
    needed.insert("identify");
    add_needs(scenario, needed);
  }
  for (const Step& step : scenario.steps) {
    if (std::holds_alternative<AdvertisedStep>(step.what)) needed.insert("identify");
    const FrameSpec* frame = frame_of(step);
    if (frame == nullptr || frame->direction != Direction::to_target) continue;
    const std::string_view ability = ability_of(*frame);
    if (!ability.empty() && !demands(scenario, ability)) needed.emplace(ability);
  }
  return needed;
}

}  // namespace aoe::harness
