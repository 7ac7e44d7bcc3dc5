// Initiators that break one clause of AoEr11 each, as narrowly as can be: the proof that the
// scenarios about that clause find it broken.
//
// A table: what is done to a request after our initiator sent it, or to an answer before it gets
// it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/selftest/mutant.h"

namespace aoe::harness {

struct InitiatorMutant {
  std::string_view clause;  // of scenario/clauses.yaml
  std::string_view name;    // how it behaves: "takes-errors-for-successes"
};

/// All of them, by clause.
std::vector<InitiatorMutant> initiator_mutants();

/// One of these by its name; null where none has it.
std::unique_ptr<Mutant> make_initiator_mutant(std::string_view name, Mutant::Sides& sides);

}  // namespace aoe::harness
