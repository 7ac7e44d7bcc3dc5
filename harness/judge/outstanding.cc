#include "harness/judge/outstanding.h"

#include <algorithm>
#include <tuple>
#include <vector>

namespace aoe::harness {
namespace {

/// When a request begins (true) or ends: in order, requests end before others begin at that instant.
using Change = std::tuple<Instant, bool, FrameId>;

}  // namespace

Outstanding most_outstanding(const Ledger& ledger, NodeIndex client, Instant from, Instant until,
                             std::optional<Duration> slack) {
  std::vector<Change> changes;
  for (FrameId id = 0; id < ledger.size(); ++id) {
    const LedgerEntry& entry = ledger[id];
    if (entry.kind != FrameKind::ata_request || entry.injected || entry.client != client ||
        entry.sent >= until)
      continue;
    Instant end = entry.answered != never ? entry.answered
                  : slack                 ? entry.sent + entry.wait - *slack
                                          : entry.sent;
    if (entry.repeated_by) end = std::min(end, ledger[*entry.repeated_by].sent);
    const Instant begin = std::max(entry.sent, from);
    if (end <= begin) continue;
    changes.emplace_back(begin, true, id);
    if (end < until) changes.emplace_back(end, false, id);
  }
  std::ranges::sort(changes);
  Outstanding found;
  std::uint64_t now = 0;
  for (const auto& [at, begins, request] : changes) {
    now += begins ? 1 : -1;
    if (now > found.most) found = {now, request};
  }
  return found;
}

}  // namespace aoe::harness
