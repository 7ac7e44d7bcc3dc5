// The congestion window of one remote target: how many commands may be outstanding at once.
//
// As in the Linux driver, it starts at half of its limit, grows by one for each answer below the
// slow-start threshold and by one for each full window above it, and collapses to one when an
// answer does not come. It is better in these ways:
// - The threshold is the limit at first: a target's Buffer Count already says what it may be sent.
// - Below the threshold it grows only while more than half of it is used.
// - Commands that were lost together collapse it once.
// - A collapse is taken back when the answer comes after all: the disk or the wire was slow, and
//   nothing was lost (RFC 3522, RFC 4015).
// - A command that is lost while others are answered shrinks it by one only, and not at all while
//   there is no more than one loss in answers_per_loss answers. So a full queue that drops frames
//   takes back just that many places, and a few frames that are lost by chance take none.
//
// With Profile::linux_driver the first two do not apply; the others are up to the caller.
//
// Owned by one remote target; called on send, answer, loss and expiry. Reads no clock.
#pragma once

#include <cstdint>

#include "base/instant.h"
#include "initiator/engine/parameters.h"

namespace aoe::initiator {

class Window {
 public:
  static constexpr unsigned answers_per_loss = 16;
  static constexpr unsigned losses_at_once = 4;  // that many may come one after the other

  /// `limit`: the smaller of the target's Buffer Count (§3.2) and the user's maxout. 0 counts as 1,
  /// because a target must be able to take one message.
  explicit Window(std::uint16_t limit, Profile profile = Profile::rfc6298);

  /// Takes the limit of a new Buffer Count or maxout.
  void set_limit(std::uint16_t limit);

  /// Whether there is room in the congestion window; in the target's own buffers.
  /// `aside`: outstanding commands that take none of the congestion window.
  bool has_room(unsigned aside = 0) const {
    return outstanding_ < size_ + aside && outstanding_ < limit_;
  }
  bool has_buffer() const { return outstanding_ < limit_; }
  void sent() { ++outstanding_; }
  /// An outstanding command was answered.
  void answered();
  /// A command that was sent at `sent`, and withdrawn, got no answer. Returns whether that
  /// collapsed the window: it does not when the command was lost along with one that already has.
  bool expired(Instant sent, Instant now);
  /// The answer to a command that was sent at `sent`, and expired, came after all. Returns whether
  /// that takes back a collapse.
  bool not_expired(Instant sent);
  /// The command that collapsed the window was answered when it was sent again: it had been lost.
  void expired_rightly() { size_before_ = 0; }
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
  bool is_linux_;
  std::uint16_t limit_;
  std::uint16_t size_;
  std::uint16_t threshold_;
  std::uint16_t outstanding_ = 0;
  std::uint16_t answers_ = 0;      // since the window last grew, above the threshold
  unsigned credit_ = 0;            // answers that are not set against a loss yet
  std::uint16_t size_before_ = 0;  // before a collapse that may be taken back; 0: there is none
  std::uint16_t threshold_before_ = 0;
  Instant collapsed_ = Instant::min();
};

}  // namespace aoe::initiator
