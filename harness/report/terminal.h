// What a person sees of a run as it goes on: a line for each case, what led to each failure, and
// what came of it all.
//
// Gives text, and writes none of it. While progress is shown, the last line of the terminal is
// this object's: what comes after it erases it first.
#pragma once

#include <string>

#include "harness/judge/coverage.h"
#include "harness/judge/record.h"

namespace aoe::harness {

struct TerminalStyle {
  bool colour = false;
  bool progress = false;
  int verbosity = 0;  // -1: only what is not well; 1: all that was measured, 2: and each step
  std::size_t columns = 100;
};

/// As fits the file: colour and progress for a terminal only, no colour where NO_COLOR is set.
TerminalStyle terminal_style(int descriptor, int verbosity);

class Terminal {
 public:
  explicit Terminal(TerminalStyle style) : style_(style) {}

  /// "seed 7  world veth  slack 6ms  sut aoe-target"; of a suite, what it was asked, too.
  std::string header(const RunRecord& run);
  /// "  12 of 120  reads[mtu=9000]"; nothing unless progress is shown.
  std::string progress(std::size_t done, std::size_t total, const std::string& running);
  /// What came of a case. Of a suite's only what is not well, unless all is to be told: summary()
  /// has the rest.
  std::string finished(const CaseRecord& record);
  /// "1 passed, 0 failed in 6.8s  runs/last/index.html"; of a suite, clause by clause before that,
  /// and a verdict a level after it.
  std::string summary(const RunRecord& run, const std::string& where);

 private:
  /// What shows on the line of progress is erased, and `text` comes instead.
  std::string instead(std::string text);
  std::string painted(const std::string& text, int colour) const;
  std::string line(const CaseRecord& record) const;
  std::string steps(const CaseRecord& record) const;
  /// What a case that failed is about.
  std::string rules(const CaseRecord& record) const;
  std::string failure(const CaseRecord& record, const FailureRecord& failure) const;
  std::string clauses(const RunRecord& run, const Coverage& coverage) const;
  std::string clause(const RunRecord& run, const ClauseCoverage& coverage) const;

  const TerminalStyle style_;
  bool line_shown_ = false;
  bool is_suite_ = false;
};

}  // namespace aoe::harness
