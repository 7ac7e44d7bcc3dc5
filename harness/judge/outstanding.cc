#include "harness/judge/outstanding.h"

#include <algorithm>
#include <tuple>
#include <vector>

namespace aoe::harness {
namespace {

struct Change {
  Instant at;
  bool begins;  // sorted so that at one instant requests end before others begin
  FrameId request;
  auto order() const { return std::tie(at, begins, request); }
};

}  // namespace

Outstanding most_outstanding(const Ledger& ledger, Instant from, Instant until,
                             std::optional<Duration> slack) {
  std::vector<Change> changes;
  for (FrameId id = 0; id < ledger.size(); ++id) {
    const LedgerEntry& entry = ledger[id];
    if (entry.kind != FrameKind::ata_request || entry.injected || entry.sent >= until) continue;
    Instant end = entry.answered != never ? entry.answered
                  : slack                 ? entry.sent + entry.wait - *slack
                                          : entry.sent;
    if (entry.repeated_by) end = std::min(end, ledger[*entry.repeated_by].sent);
    const Instant begin = std::max(entry.sent, from);
    if (end <= begin) continue;
    changes.push_back({begin, true, id});
    if (end < until) changes.push_back({end, false, id});
  }
  std::ranges::sort(changes, {}, &Change::order);
  Outstanding found;
  std::uint64_t now = 0;
  for (const Change& change : changes) {
    now += change.begins ? 1 : -1;
    if (now > found.most) found = {now, change.request};
  }
  return found;
}

}  // namespace aoe::harness
