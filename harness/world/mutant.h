// What stands between an end of the sim world and the link, and makes that end wrong on purpose.
//
// The sim world owns one, calls it for each frame of its end, and knows nothing of what it does:
// selftest/mutants.h has the table of those that exist.
#pragma once

#include <functional>
#include <memory>

#include "base/bytes.h"
#include "initiator/engine/parameters.h"

namespace aoe::harness {

class Mutant {
 public:
  /// Where a mutant passes frames on. Frames are valid during the call.
  class Sides {
   public:
    virtual void to_link(Bytes frame) = 0;
    virtual void to_end(Bytes frame) = 0;

   protected:
    ~Sides() = default;
  };

  explicit Mutant(Sides& sides) : sides_(sides) {}
  Mutant(const Mutant&) = delete;
  Mutant& operator=(const Mutant&) = delete;
  virtual ~Mutant() = default;

  /// Its end sent a frame.
  virtual void sent(Bytes frame) { sides_.to_link(frame); }
  /// A frame arrived for its end.
  virtual void arrived(Bytes frame) { sides_.to_end(frame); }
  /// Its end, a target, was killed, and starts again.
  virtual void restarted() {}
  /// Changes the parameters that an initiator starts with.
  virtual void tune(initiator::Parameters& /*parameters*/) const {}

 protected:
  Sides& sides_;
};

/// Makes the mutant of a world. `sides` outlives it. An empty function makes none.
using MakeMutant = std::function<std::unique_ptr<Mutant>(Mutant::Sides& sides)>;

}  // namespace aoe::harness
