// The cases that a target's suite has beside its scenarios: one for each clause that an answer broke
// in any of its cases, "target-every-answer[clause=2/4]".
//
// So a fault that shows in answers of all kinds is told once, counts against its clause, and can be
// expected like any other failure. A clause that no answer broke has no such case.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "harness/judge/record.h"
#include "harness/run/run_case.h"

namespace aoe::harness {

/// What a case's process hands over: the case's record, and what it shows of the target beside that. As
/// text, and back; the error says why it can't be read.
struct Handover {
  CaseRecord record;
  Aside aside;
};
std::string to_text(const Handover& handover);
tl::expected<Handover, std::string> handover_from_text(const std::string& text);

class AnswerCases {
 public:
  /// Adds what the answers of a case broke.
  void add(const Handover& handover);
  /// The cases, in the order of their clauses' ids.
  std::vector<CaseRecord> cases() const;

 private:
  /// The failures of more cases are only named.
  static constexpr std::size_t failures_kept = 5;

  struct Broken {
    CaseRecord record;                 // of the first case that broke it, but for its clause
    std::vector<std::string> where{};  // the ids of all cases that did
  };
  std::map<std::string, Broken> by_clause_;
};

}  // namespace aoe::harness
