// Replies of a capture whose requests it does not hold.
//
// A capture that begins in mid-conversation or loses frames has them, and no end is to blame. A
// target that answers with a wrong tag makes them, too, but then a request that waited stays
// without its answer, and its initiator sends it again. So they are judged when the capture is
// over. Fed by Dialogue.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/judge/capture_notes.h"
#include "harness/judge/finding.h"
#include "harness/judge/tracker.h"
#include "harness/link/ledger.h"

namespace aoe::harness {

struct Orphan {
  Finding finding;  // if an end is to blame
  FrameId reply = 0;
  std::uint64_t key = 0;                        // of the request that it would answer
  std::vector<FrameId> waiting;                 // requests that it may have been meant for
  Tracker::Remote remote = Tracker::no_remote;  // where these wait
  std::uint64_t answers_before = 0;             // that came from there
};

class Orphans {
 public:
  /// Of more at once, the older ones are judged by what is known then.
  static constexpr std::size_t kept_max = 4096;
  /// Requests of an Orphan that are kept, at most.
  static constexpr std::size_t waiting_max = 64;

  /// Both outlive it.
  Orphans(Ledger& ledger, CaptureNotes& notes) : ledger_(ledger), notes_(notes) {}

  /// Returns those that have to be judged now, to make room.
  std::vector<Finding> add(Orphan orphan);
  /// A request comes with this key: it may be the one of a reply that stands before it. Returns
  /// that reply.
  std::optional<FrameId> claim(std::uint64_t key, FrameId request);
  /// The capture is over: returns those for which an end is to blame, and notes the others.
  /// `answers`: that came from each Tracker::Remote.
  std::vector<Finding> finish(const std::vector<std::uint64_t>& answers);

 private:
  /// How long before its request a reply may stand.
  static constexpr Duration early_max = std::chrono::seconds(1);
  /// An initiator that goes on for so many answers without asking again has had its own.
  static constexpr std::uint64_t went_on = 64;

  enum class Blame : std::uint8_t { none, likely, proven };
  struct Kept {
    Orphan orphan;
    std::optional<FrameId> request{};  // that came after it
  };

  Blame blame(const Kept& kept) const;
  bool is_early(const Kept& kept) const;
  void note(const Orphan& orphan);

  Ledger& ledger_;
  CaptureNotes& notes_;
  std::deque<Kept> kept_;
  std::uint64_t first_ = 0;                                // the number of kept_.front()
  std::unordered_map<std::uint64_t, std::uint64_t> keys_;  // to numbers
};

}  // namespace aoe::harness
