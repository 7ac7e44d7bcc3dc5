// The catalogue of clauses with the number of scenarios that cite each, as text and as JSON: what
// `aoe-harness clauses` prints.
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
  std::size_t variants = 0;  // of these scenarios; one without variants counts as one
};

class ClauseList {
 public:
  /// Lists all clauses of the catalogue, which must outlive this object.
  ClauseList(const ClauseCatalogue& catalogue, const std::vector<Scenario>& scenarios);

  /// Keeps only clauses of these sections and with these ids; keeps all if `wanted` is empty. Error:
  /// "3.1/99: no such section or clause; did you mean '3.1/9'?".
  tl::expected<void, std::string> select(const std::vector<std::string>& wanted);
  /// Keeps only clauses that no scenario cites although the catalogue has no reason for it.
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
