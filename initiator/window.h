// The congestion window of one remote target: how many commands may wait for its answer at once.
//
// As the Linux driver does it: starts at half of what is allowed, grows by one an answer below the
// slow-start threshold and by one a window-full above it, and collapses to one when an answer does
// not come. Better in one thing: commands that were lost together collapse it once. Owned by one
// remote target; called on send, answer and expiry. Reads no clock.
#pragma once

#include <cstdint>

#include "proto/instant.h"

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
  /// A command that was sent at `sent` got no answer: it does not count as outstanding any more.
  /// Returns whether that collapsed the window; it did not when the command was lost along with one
  /// that has.
  bool expired(Instant sent, Instant now);
  /// A command was given up for another reason.
  void withdrawn() { --outstanding_; }

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
