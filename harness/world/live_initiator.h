// The initiator's end of a live world: our engine, or a process that makes a disk's file appear.
//
// Owned by its LiveWorld; the functions are those of World (world.h).
#pragma once

#include <string>

#include "harness/world/world.h"

namespace aoe::harness {

class LiveInitiator {
 public:
  LiveInitiator() = default;
  LiveInitiator(const LiveInitiator&) = delete;
  LiveInitiator& operator=(const LiveInitiator&) = delete;
  virtual ~LiveInitiator() = default;

  /// Returns why nothing more can come of it: "was killed by signal 9 (Killed); it said: …". Empty
  /// while it works.
  virtual std::string broken() = 0;
  virtual void discover(Address whom) = 0;
  /// `done` is called exactly once, perhaps from within; not once this has gone.
  virtual void submit(const initiator::IoRequest& request, World::Done done) = 0;
  virtual bool is_up(Address device) const = 0;
  virtual std::string state(Address device) const = 0;
  virtual bool open(Address device) = 0;
  virtual void close(Address device) = 0;
};

}  // namespace aoe::harness
