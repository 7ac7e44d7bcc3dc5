// The initiator's end of a live world: our engine, or a process that makes a disk's file appear.
//
// Owned by its LiveWorld, which asks it for what a World promises of an initiator.
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

  /// Why nothing more can come of it: "was killed by signal 9 (Killed); it said: …". Empty while it
  /// is as it should be.
  virtual std::string broken() = 0;
  virtual void discover(Address whom) = 0;
  /// `done` is called exactly once, perhaps from within; not once this has gone.
  virtual void submit(const initiator::IoRequest& request, World::Done done) = 0;
  virtual bool is_up(Address device) const = 0;
  virtual std::string state(Address device) const = 0;
  /// As World has them.
  virtual bool open(Address device) = 0;
  virtual void close(Address device) = 0;
};

}  // namespace aoe::harness
