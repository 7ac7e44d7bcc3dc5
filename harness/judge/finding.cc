#include "harness/judge/finding.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "harness/language/clauses.h"

namespace aoe::harness {
namespace {

/// Of a frame: all headers and two sectors, and a little more.
constexpr std::size_t bytes_shown = 1100;

std::optional<FrameId> last_before(const Ledger& ledger, FrameId end, ata::Kind kind,
                                   Address device, std::uint64_t lba) {
  for (FrameId id = end; id-- > 0;) {
    const LedgerEntry& entry = ledger[id];
    const bool is_it = entry.kind == FrameKind::ata_request && entry.address.covers(device) &&
                       ata::kind(entry.opcode) == kind;
    if (is_it && entry.lba <= lba && lba < entry.lba + entry.sectors) return id;
  }
  return std::nullopt;
}

std::optional<FrameId> answer_of(const Ledger& ledger, FrameId request) {
  const LedgerEntry& asked = ledger[request];
  for (FrameId id = request + 1; id < ledger.size(); ++id) {
    const LedgerEntry& entry = ledger[id];
    const bool is_answer = entry.kind == FrameKind::ata_reply || entry.kind == FrameKind::ata_error;
    if (is_answer && entry.tag == asked.tag && entry.direction != asked.direction &&
        entry.client == asked.client)
      return id;
  }
  return std::nullopt;
}

constexpr FrameId frames_shown = 12;
constexpr std::size_t guilty_shown = 12;

}  // namespace

Finding make_finding(RuleName rule, std::string actual, std::vector<FrameId> frames,
                     std::string_view clause) {
  return {.rule = std::string(rule->name),
          .clause = std::string(clause.empty() ? rule->clause : clause),
          .actual = std::move(actual),
          .frames = std::move(frames),
          .certain = true};
}

Level level_of(const Finding& finding) {
  const RuleRow* const rule = find_rule(finding.rule);
  if (rule != nullptr && rule->level) return *rule->level;
  const Clause* const clause = clause_catalogue().find(finding.clause);
  return clause == nullptr ? Level::info : clause->level;
}

std::vector<FrameId> frames_about(const Ledger& ledger, Address device, std::uint64_t lba) {
  std::set<FrameId> frames;
  const auto read = last_before(ledger, ledger.size(), ata::Kind::read, device, lba);
  const auto write =
      last_before(ledger, read.value_or(ledger.size()), ata::Kind::write, device, lba);
  for (const auto& request : {write, read}) {
    if (!request) continue;
    frames.insert(*request);
    if (const auto answer = answer_of(ledger, *request)) frames.insert(*answer);
  }
  return {frames.begin(), frames.end()};
}

std::vector<LadderLine> ladder_of(const Ledger& ledger, const std::vector<FrameId>& guilty) {
  if (ledger.size() == 0) return {};
  const FrameId last = guilty.empty() ? ledger.size() - 1 : std::ranges::max(guilty);
  std::set<FrameId> shown(guilty.begin(), guilty.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                               guilty.size(), guilty_shown)));
  for (FrameId id = last + 1 > frames_shown ? last + 1 - frames_shown : 0; id <= last; ++id) {
    shown.insert(id);
  }
  std::vector<LadderLine> ladder;
  for (const FrameId id : shown) {
    const LedgerEntry& entry = ledger[id];
    LadderLine& line = ladder.emplace_back();
    line.at = entry.sent - ledger.origin();
    line.frame = id;
    line.to_target = entry.direction == Direction::to_target;
    const std::string_view sender = ledger.sender(id);
    line.what =
        sender.empty() ? ledger.summary(id) : fmt::format("{}: {}", sender, ledger.summary(id));
    line.fate = ledger.fate(id);
    line.struck = entry.dropped_by != 0 || entry.struck_by != 0;
    line.guilty = std::ranges::find(guilty, id) != guilty.end();
    if (line.guilty) {
      const Bytes bytes = ledger.bytes(id);
      line.bytes = to_hex(bytes.first(std::min(bytes.size(), bytes_shown)));
    }
    line.gap_before = ladder.size() > 1 && ladder[ladder.size() - 2].frame + 1 != id;
  }
  return ladder;
}

}  // namespace aoe::harness
