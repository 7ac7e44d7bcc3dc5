// The catalogue of clauses with how each known implementation fares, as a page of Markdown:
// docs/CLAUSES.md, which `aoe-harness clauses --md` prints.
//
// Made of the suites and of what is known of each implementation (suts/NAME.yaml and
// NAME.expected.yaml), not of runs: a run that contradicts these is red (`conform`).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "harness/judge/expectations.h"
#include "harness/language/clauses.h"
#include "harness/language/scenario.h"

namespace aoe::harness {

/// An implementation, and what is known of it.
struct KnownImplementation {
  std::string name;
  std::string end;                            // "target" or "initiator"
  std::map<std::string, std::string> cannot;  // as in Implementation
  Expectations failures;
  std::vector<Scenario> suite;  // for its end
};

std::string clause_page(const ClauseCatalogue& catalogue,
                        const std::vector<KnownImplementation>& implementations);

}  // namespace aoe::harness
