#include "harness/judge/orphans.h"

#include <algorithm>
#include <utility>

namespace aoe::harness {

std::vector<Finding> Orphans::add(Orphan orphan) {
  keys_[orphan.key] = first_ + kept_.size();
  kept_.push_back({std::move(orphan)});
  if (kept_.size() <= kept_max) return {};
  const Kept oldest = std::move(kept_.front());
  kept_.pop_front();
  if (const auto known = keys_.find(oldest.orphan.key);
      known != keys_.end() && known->second == first_)
    keys_.erase(known);
  ++first_;
  if (is_early(oldest)) {
    ++notes_.early;
  } else if (blame(oldest) == Blame::proven) {
    return {oldest.orphan.finding};
  } else {
    note(oldest.orphan);
  }
  return {};
}

std::optional<FrameId> Orphans::claim(std::uint64_t key, FrameId request) {
  const auto known = keys_.find(key);
  if (known == keys_.end()) return std::nullopt;
  Kept& kept = kept_[known->second - first_];
  keys_.erase(known);
  const LedgerEntry& reply = ledger_[kept.orphan.reply];
  const LedgerEntry& entry = ledger_[request];
  if (entry.sent - reply.sent > early_max || entry.command != reply.command ||
      !entry.address.covers(reply.address))
    return std::nullopt;
  kept.request = request;
  return reply.id;
}

std::vector<Finding> Orphans::finish(const std::vector<std::uint64_t>& answers) {
  std::vector<Finding> findings;
  std::vector<Finding> likely;
  for (Kept& kept : kept_) {
    Finding& finding = kept.orphan.finding;
    const Tracker::Remote remote = kept.orphan.remote;
    const bool is_missed =
        remote != Tracker::no_remote && answers[remote] - kept.orphan.answers_before > went_on;
    if (is_early(kept)) {
      ++notes_.early;
    } else if (const Blame found = blame(kept); found == Blame::proven) {
      findings.push_back(std::move(finding));
    } else if (found == Blame::likely && !is_missed) {
      likely.push_back(std::move(finding));
    } else {
      note(kept.orphan);
    }
  }
  if (notes_.misses_frames()) {
    notes_.without_request += likely.size();
  } else {
    std::ranges::move(likely, std::back_inserter(findings));
  }
  return findings;
}

void Orphans::note(const Orphan& orphan) {
  ++(orphan.answers_before == 0 ? notes_.before_begin : notes_.without_request);
}

/// An initiator that sends a request again has had no answer to it, and one that does not may have
/// had one that the capture missed.
Orphans::Blame Orphans::blame(const Kept& kept) const {
  Blame blame = Blame::none;
  for (const FrameId id : kept.orphan.waiting) {
    const LedgerEntry& request = ledger_[id];
    if (request.answered != never) continue;
    if (request.repeated_by) return Blame::proven;
    blame = Blame::likely;
  }
  return blame;
}

bool Orphans::is_early(const Kept& kept) const {
  return kept.request && ledger_[*kept.request].answered == never;
}

}  // namespace aoe::harness
