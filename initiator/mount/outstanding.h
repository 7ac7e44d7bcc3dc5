// The requests of a mount that disks work on.
//
// A program that waits for a disk can't be ended before its request is answered, not even by
// `kill -9`. So a request whose process is being killed is given up: it is answered at once, its
// operation on the disk is cancelled, and what becomes of that matters to nobody. Used by the file
// system, which calls give_up() now and then. Reads no clock.
#pragma once

#include <functional>
#include <list>

#include <boost/asio/cancellation_signal.hpp>

#include "base/instant.h"

struct fuse_req;

namespace aoe::initiator {

class Outstanding {
 public:
  struct Entry {
    fuse_req* request = nullptr;  // null once it was given up
    int thread = 0;               // that waits for it, or has begun it
    Instant begun{};
    boost::asio::cancellation_signal cancel{};  // of what the disk does
  };
  using Work = std::list<Entry>::iterator;

  /// Adds a request that a disk begins to work on.
  Work add(fuse_req* request, int thread, Instant now);
  /// Removes what its disk has done. Returns the request, to be answered; null if it was given up.
  fuse_req* remove(Work work);

  /// Returns whether none waits for an answer.
  bool empty() const { return waiting_ == 0; }

  /// Returns how many were removed until now.
  std::size_t removed() const { return removed_; }

  /// Gives up the requests that were begun until `begun_by`, of threads that are being killed:
  /// calls `answer` with each, and then cancels its operation.
  void give_up(Instant begun_by, const std::function<bool(int)>& is_being_killed,
               const std::function<void(fuse_req*)>& answer);

 private:
  std::list<Entry> entries_;  // the oldest first
  std::size_t waiting_ = 0;   // those that were not given up
  std::size_t removed_ = 0;
};

}  // namespace aoe::initiator
