// How much data one path carries in a frame, in one direction: what was agreed on, or less, where a
// switch swallows longer frames without a word.
//
// A frame that is too long is lost each time while shorter ones pass, unlike on a path that is dead
// or loses by chance. So the payload goes through these phases (the ideas of RFC 4821 and RFC 8899):
// - whole: commands are as large as agreed on. Two large ones lost in a row, with none answered in
//   between, make it careful.
// - careful: commands move `small` sectors, which pass wherever AoE does. After each answer to a
//   small one, one large command is tried. One that is answered makes it whole again; when
//   losses_to_shrink of them in a row were lost, the path swallows large frames.
//   What was learnt may be out of date, in any phase: two commands in a row that were lost though
//   their size is said to pass make it careful as well, and that size is tried.
// - searching: it tries sizes halfway between what passed and what did not.
// - settled: commands are as large as what passed. The agreed size is tried again after interval_min,
//   and then more and more rarely. When it passes the payload is whole.
//
// Ten per cent of all frames lost by chance shrink a payload once in a hundred million tries.
//
// Owned by a path, one for reads and one for writes; called with the fate of each transmission.
// Reads no clock.
#pragma once

#include "base/instant.h"

namespace aoe::initiator {

class PathPayload {
 public:
  static constexpr unsigned small = 2;  // sectors: an MTU of 1500
  static constexpr unsigned losses_to_doubt = 2;
  static constexpr unsigned losses_to_shrink = 8;
  static constexpr unsigned losses_to_search = 3;
  static constexpr Duration try_max = std::chrono::seconds(10);  // then a try counts as withdrawn
  static constexpr Duration interval_min = std::chrono::seconds(2);
  static constexpr Duration interval_max = std::chrono::minutes(5);

  /// Takes what interface, target and user agree on, in sectors. Another limit begins again.
  void set_limit(unsigned sectors);

  /// Returns the most sectors of a command, as far as is known; no more than `limit`, which may be
  /// another than the one that was set last.
  unsigned size() const { return phase_ == Phase::whole ? limit_ : low_; }
  unsigned size_within(unsigned limit) const { return limit != limit_ ? limit : size(); }
  /// The same, or more when a larger command is to be tried now.
  unsigned next(Instant now) const;
  bool is_whole() const { return phase_ == Phase::whole; }
  /// Returns whether a command of so many sectors is a try.
  bool is_try(unsigned sectors) const { return sectors > size(); }

  void sent(unsigned sectors, Instant now);
  /// A transmission of so many sectors, made at `sent`, was answered, or lost. They return true when
  /// that changes what is known of the path: size() is reported to the user then.
  bool answered(unsigned sectors);
  bool lost(unsigned sectors, Instant sent, Instant now);

 private:
  enum class Phase { whole, careful, searching, settled };

  void doubt(unsigned sectors);
  bool become_whole();
  void search(Instant now);

  Phase phase_ = Phase::whole;
  unsigned limit_ = 0;
  unsigned low_ = 0;                   // sectors that pass, in all phases but `whole`
  unsigned high_ = 0;                  // more do not pass, while searching
  unsigned losses_ = 0;                // in a row
  unsigned most_lost_ = 0;             // the largest of the losses before the first search
  unsigned doubts_ = 0;                // losses in a row of what is said to pass
  unsigned least_doubted_ = 0;         // the smallest of them, sectors
  unsigned most_doubted_ = 0;          // the largest of them, and of the tries lost while careful
  unsigned top_ = 0;                   // careful: what was said to pass before
  bool heard_ = false;                 // a small command was answered since the last try
  bool trying_ = false;                // a try is outstanding
  Instant tried_ = Instant::min();     // when the last try was sent
  Instant next_try_ = Instant::min();  // settled: when the next one is due
  Duration interval_ = interval_min;
};

}  // namespace aoe::initiator
