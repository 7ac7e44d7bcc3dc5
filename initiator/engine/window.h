// The congestion window of one remote target: how many commands may wait for its answer at once.
//
// As the Linux driver does it: starts at half of what is allowed, grows by one an answer below the
// slow-start threshold and by one a window-full above it, and collapses to one when an answer does
// not come. Better in two things: commands that were lost together collapse it once; and a single
// command that is lost while later ones are answered costs one place, not the window. A full queue
// that drops what is beyond it so takes back just that much; and where frames are lost by chance,
// one in n, the window settles at about n instead of the square root of it, for a target's Buffer
// Count already bounds what it may be sent. Owned by one remote target; called on send, answer,
// loss and expiry. Reads no clock.
#pragma once

#include <cstdint>

#include "base/instant.h"

namespace aoe::initiator {

class Window {
 public:
  /// `limit`: the smaller of the target's Buffer Count (§3.2) and the user's maxout; 0 counts as 1,
  /// for a target must be able to take one message.
  explicit Window(std::uint16_t limit);

  /// A new Buffer Count or maxout.
  void set_limit(std::uint16_t limit);

  /// Room in the congestion window; room in the target's own buffers.
  bool has_room() const { return outstanding_ < size_; }
  bool has_buffer() const { return outstanding_ < limit_; }
  void sent() { ++outstanding_; }
  /// An answer came for a command that counts as outstanding.
  void answered();
  /// A command that was sent at `sent`, and taken back, got no answer. Returns whether that
  /// collapsed the window; it did not when the command was lost along with one that has.
  bool expired(Instant sent, Instant now);
  /// A command that was sent at `sent`, and taken back, was lost while later ones were answered.
  void lost(Instant sent);
  /// It was late, not lost: the place is given back.
  void not_lost();
  /// A command is taken back: it does not count as outstanding any more.
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
