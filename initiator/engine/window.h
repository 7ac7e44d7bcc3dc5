// The congestion window of one remote target: how many commands may be outstanding at once.
//
// As in the Linux driver, it starts at half of its limit, grows by one for each answer below the
// slow-start threshold and by one for each full window above it, and collapses to one when an
// answer does not come. It is better in two ways: commands that were lost together collapse it
// once, and a single command that is lost while later ones are answered shrinks it by one only. So
// a full queue that drops frames takes back just that many places; and when one frame in n is lost
// by chance, the window settles at about n instead of its square root, because a target's Buffer
// Count already bounds what it may be sent. Owned by one remote target; called on send, answer,
// loss and expiry. Reads no clock.
#pragma once

#include <cstdint>

#include "base/instant.h"

namespace aoe::initiator {

class Window {
 public:
  /// `limit`: the smaller of the target's Buffer Count (§3.2) and the user's maxout. 0 counts as 1,
  /// because a target must be able to take one message.
  explicit Window(std::uint16_t limit);

  /// Takes the limit of a new Buffer Count or maxout.
  void set_limit(std::uint16_t limit);

  /// Whether there is room in the congestion window; in the target's own buffers.
  bool has_room() const { return outstanding_ < size_; }
  bool has_buffer() const { return outstanding_ < limit_; }
  void sent() { ++outstanding_; }
  /// An outstanding command was answered.
  void answered();
  /// A command that was sent at `sent`, and withdrawn, got no answer. Returns whether that
  /// collapsed the window: it does not when the command was lost along with one that already has.
  bool expired(Instant sent, Instant now);
  /// A command that was sent at `sent`, and withdrawn, was lost while later ones were answered.
  void lost(Instant sent);
  /// Such a command was late, not lost: the window grows by the place that it lost.
  void not_lost();
  /// A command does not count as outstanding any more, without an answer.
  void withdrawn();

  std::uint16_t size() const { return size_; }
  std::uint16_t threshold() const { return threshold_; }
  std::uint16_t limit() const { return limit_; }
  std::uint16_t outstanding() const { return outstanding_; }

 private:
  std::uint16_t limit_;
  std::uint16_t size_;
  std::uint16_t threshold_;
  std::uint16_t outstanding_ = 0;
  std::uint16_t answers_ = 0;  // since the window last grew, above the threshold
  Instant collapsed_ = Instant::min();
};

}  // namespace aoe::initiator
