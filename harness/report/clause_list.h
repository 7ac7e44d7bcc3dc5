// The catalogue of clauses as a person, or a program, reads it, with how many scenarios are about
// each: what `aoe-harness clauses` prints.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "harness/language/clauses.h"
#include "harness/language/scenario.h"

namespace aoe::harness {

struct Citations {
  std::size_t scenarios = 0;
  std::size_t variants = 0;  // of these; one without variants counts as one
};

class ClauseList {
 public:
  /// Of that catalogue, which outlives it.
  ClauseList(const ClauseCatalogue& catalogue, const std::vector<Scenario>& scenarios);

  /// Leaves those of these sections and with these ids; with none, all. Error: "3.1/99: no such
  /// section or clause; did you mean '3.1/9'?".
  tl::expected<void, std::string> select(const std::vector<std::string>& wanted);
  /// Leaves those that no scenario is about, and no reason is given why.
  void select_uncovered();

  bool empty() const { return clauses_.empty(); }
  Citations citations(const Clause& clause) const;
  std::string text() const;
  std::string json() const;

 private:
  const ClauseCatalogue& catalogue_;
  std::vector<const Clause*> clauses_;
  std::map<std::string, Citations, std::less<>> cited_;
};

}  // namespace aoe::harness
