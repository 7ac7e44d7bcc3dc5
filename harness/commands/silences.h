// Cases that failed because no request of a kind is answered in any case of the run: "mask edit". They
// have one cause, which is told once, as a case of its own against the clause that asks for answers
// (AoEr11 §2): "target-unanswered[request=mask-edit]". Of the cases themselves nothing is known.
//
// A kind that one case alone asks for is that case's own affair, and so is a request that a target should
// refuse by its contents while it answers others of its kind.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "harness/commands/answer_cases.h"
#include "harness/judge/record.h"

namespace aoe::harness {

class Silences {
 public:
  struct Cause {
    CaseRecord record;               // the case that tells it
    std::vector<std::size_t> cases;  // that failed by it, in order
    std::string reason;              // why these are not judged
  };

  /// Adds a try of the run's case of this number.
  void add(std::size_t number, const Handover& handover);
  /// Returns whether the case failed for want of an answer that no case has had so far.
  bool is_suspect(std::size_t number) const;
  /// Returns the causes of those cases, of each two at least.
  std::vector<Cause> causes() const;

 private:
  struct Silent {
    std::string kind;
    CaseRecord record;
  };
  std::map<std::size_t, Silent> silent_;  // by the case's number
  std::set<std::string> answered_;
};

}  // namespace aoe::harness
