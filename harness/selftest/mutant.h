// Ends that are wrong on purpose: each breaks one rule, for a scenario to show that its judges find
// it out. The canary of the harness: see scenarios/selftest.
//
// A mutant stands between an end of the sim world and the link: it changes, adds and holds back
// frames in both directions, and else lets them pass. Owned by its world, which calls it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "harness/language/scenario.h"
#include "initiator/engine/parameters.h"

namespace aoe::harness {

class Mutant {
 public:
  /// What lies on its two sides. Frames are good during the call.
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

  /// Its end sent a frame; one arrived for it.
  virtual void sent(Bytes frame) { sides_.to_link(frame); }
  virtual void arrived(Bytes frame) { sides_.to_end(frame); }
  /// What an initiator is started with.
  virtual void tune(initiator::Parameters& /*parameters*/) const {}

 protected:
  Sides& sides_;
};

/// The ways to be wrong that there are: "answers-twice". Beside these a target may break a clause
/// of AoEr11 (clause_mutant.h).
std::vector<std::string> mutant_names(bool at_target);

/// One that mutant_names() or clause_mutants() knows.
std::unique_ptr<Mutant> make_mutant(const MutantSpec& spec, Mutant::Sides& sides);

}  // namespace aoe::harness
