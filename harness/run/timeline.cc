#include "harness/run/timeline.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

namespace aoe::harness {
namespace {

/// Of each of many equal parts of the run the first, the last, and the extremes.
class Thinned {
 public:
  explicit Thinned(Duration span) : width_(span / parts + Duration(1)) {}

  void add(const Sample& sample) {
    const Duration::rep part = std::min<Duration::rep>(sample.at / width_, parts - 1);
    if (part != part_) flush();
    part_ = part;
    if (held_ == 0) least_ = most_ = sample;
    if (sample.outstanding < least_.outstanding) least_ = sample;
    if (sample.outstanding > most_.outstanding) most_ = sample;
    (held_++ == 0 ? first_ : last_) = sample;
  }
  std::vector<Sample> finish() {
    flush();
    return std::move(samples_);
  }

 private:
  static constexpr Duration::rep parts = samples_max / 4;

  void flush() {
    if (held_ == 0) return;
    std::array<Sample, 4> kept{first_, least_, most_, held_ > 1 ? last_ : first_};
    std::ranges::stable_sort(kept, {}, &Sample::at);
    for (const Sample& sample : kept) {
      if (samples_.empty() || samples_.back() != sample) samples_.push_back(sample);
    }
    held_ = 0;
  }

  const Duration width_;
  Duration::rep part_ = 0;
  std::size_t held_ = 0;
  Sample first_;
  Sample least_;
  Sample most_;
  Sample last_;
  std::vector<Sample> samples_;
};

/// Every one of them, or every second, or every fourth, …
class Spread {
 public:
  void add(Incident incident) {
    if (seen_++ % stride_ != 0) return;
    if (incidents_.size() == incidents_max) {
      for (std::size_t i = 0; 2 * i < incidents_max; ++i)
        incidents_[i] = std::move(incidents_[2 * i]);
      incidents_.resize((incidents_max + 1) / 2);
      stride_ *= 2;
      if ((seen_ - 1) % stride_ != 0) return;
    }
    incidents_.push_back(std::move(incident));
  }
  std::vector<Incident> finish() { return std::move(incidents_); }

 private:
  std::uint64_t seen_ = 0;
  std::uint64_t stride_ = 1;
  std::vector<Incident> incidents_;
};

class Watch {
 public:
  Watch(const Ledger& ledger, const Exchanges& exchanges)
      : ledger_(ledger),
        exchanges_(exchanges),
        thinned_(ledger.size() == 0 ? Duration{}
                                    : ledger[ledger.size() - 1].sent - ledger.origin()) {}

  Timeline watch() {
    for (FrameId id = 0; id < ledger_.size(); ++id) {
      end_waits(ledger_[id].sent);
      see(id);
    }
    end_waits(never);
    timeline_.samples = thinned_.finish();
    timeline_.incidents = spread_.finish();
    return std::move(timeline_);
  }

 private:
  /// When the wait for an answer to a request, by its first transmission, is over.
  using End = std::pair<Instant, FrameId>;

  void see(FrameId id) {
    const LedgerEntry& entry = ledger_[id];
    if (const auto due = exchanges_.due(id)) {
      const FrameId first = first_of(id);
      waiting_.insert(first);
      rto_ = *due - entry.sent;
      if (!entry.repeated_by) ends_.push({*due, first});
      sample(entry.sent);
    } else if (entry.deliveries > 0) {
      if (const auto request = exchanges_.request_of(id))
        ends_.push({entry.delivered, first_of(*request)});
    }
    const bool struck = is_struck(entry);
    if (struck) ++timeline_.struck;
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

  static bool is_struck(const LedgerEntry& entry) {
    return entry.dropped_by != 0 || entry.struck_by != 0;
  }

  const Ledger& ledger_;
  const Exchanges& exchanges_;
  Thinned thinned_;
  Spread spread_;
  std::unordered_set<FrameId> waiting_;  // for answers: first transmissions
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
  Duration rto_{};
  Timeline timeline_;
};

}  // namespace

Timeline timeline_of(const Ledger& ledger, const Exchanges& exchanges) {
  return Watch(ledger, exchanges).watch();
}

}  // namespace aoe::harness
