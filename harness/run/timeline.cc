#include "harness/run/timeline.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "harness/judge/thinning.h"

namespace aoe::harness {
namespace {

class Watch {
 public:
  Watch(const Ledger& ledger, const Exchanges& exchanges)
      : ledger_(ledger),
        exchanges_(exchanges),
        thinned_(ledger.size() == 0 ? Duration{}
                                    : ledger[ledger.size() - 1].sent - ledger.origin()) {}

  void watch(CaseRecord& record) {
    for (FrameId id = 0; id < ledger_.size(); ++id) {
      end_waits(ledger_[id].sent);
      see(id, record);
    }
    end_waits(never);
    record.samples = thinned_.finish();
    record.incidents = spread_.finish();
  }

 private:
  /// When the wait for an answer to a request, by its first transmission, is over.
  using End = std::pair<Instant, FrameId>;

  void see(FrameId id, CaseRecord& record) {
    const LedgerEntry& entry = ledger_[id];
    if (const auto due = ledger_.due(id)) {
      const FrameId first = first_of(id);
      waiting_.insert(first);
      rto_ = *due - entry.sent;
      if (!entry.repeated_by) ends_.push({*due, first});
      sample(entry.sent);
    } else if (entry.deliveries > 0) {
      if (const auto request = entry.answers) ends_.push({entry.delivered, first_of(*request)});
    }
    const bool struck = entry.dropped_by != 0 || entry.struck_by != 0;
    if (struck) ++record.struck;
    if (struck || entry.repeats) spread_.add({entry.sent - ledger_.origin(), id, ledger_.fate(id)});
  }

  void end_waits(Instant now) {
    for (; !ends_.empty() && ends_.top().first <= now; ends_.pop()) {
      if (waiting_.erase(ends_.top().second) > 0) sample(ends_.top().first);
    }
  }

  void sample(Instant now) {
    thinned_.add({now - ledger_.origin(), static_cast<std::uint32_t>(waiting_.size()),
                  exchanges_.window(), rto_});
  }

  FrameId first_of(FrameId request) const {
    while (const auto before = ledger_[request].repeats) request = *before;
    return request;
  }

  const Ledger& ledger_;
  const Exchanges& exchanges_;
  Thinned thinned_;
  Spread spread_;
  std::unordered_set<FrameId> waiting_;  // for answers: first transmissions
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
  Duration rto_{};
};

}  // namespace

void draw_timeline(const Ledger& ledger, const Exchanges& exchanges, CaseRecord& record) {
  Watch(ledger, exchanges).watch(record);
}

}  // namespace aoe::harness
