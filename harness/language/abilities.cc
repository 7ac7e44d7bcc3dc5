#include "harness/language/abilities.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

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

}  // namespace

std::set<std::string> abilities_needed(const Scenario& scenario) {
  std::set<std::string> needed(scenario.needs.begin(), scenario.needs.end());
  if (plays_initiator(scenario)) needed.insert("identify");
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
