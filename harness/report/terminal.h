// A run on the terminal while it goes on: a line per case, the evidence of each failure, and the
// result.
//
// Terminal returns text and writes none. While progress is shown, the terminal's last line belongs
// to it: the next text erases that line first.
#pragma once

#include <string>

#include "harness/judge/coverage.h"
#include "harness/judge/record.h"

namespace aoe::harness {

struct TerminalStyle {
  bool colour = false;
  bool progress = false;
  int verbosity = 0;  // -1: only failures; 1: all that was measured, 2: each step, too
  std::size_t columns = 100;
};

/// Returns the style for the file: colour and progress on a terminal only, no colour if NO_COLOR is
/// set.
TerminalStyle terminal_style(int descriptor, int verbosity);

class Terminal {
 public:
  explicit Terminal(TerminalStyle style) : style_(style) {}

  /// "seed 7  world veth  slack 6ms  sut aoe-target"; for a suite, with a line per probe.
  std::string header(const RunRecord& run);
  /// "  12 of 120  reads[mtu=9000]"; empty unless the style shows progress.
  std::string progress(std::size_t done, std::size_t total, const std::string& running);
  /// Returns the line of a case, and its evidence if it failed. Cases of a suite that did not fail
  /// are left out unless the style is verbose: summary() lists them by clause.
  std::string finished(const CaseRecord& record);
  /// "1 passed, 0 failed in 6.8s  runs/last/index.html"; for a suite, with a line per clause before
  /// and the verdict per level after it.
  std::string summary(const RunRecord& run, const std::string& where);

 private:
  /// Returns `text`, after what erases the line of progress if that is shown.
  std::string instead(std::string text);
  std::string painted(const std::string& text, int colour) const;
  std::string line(const CaseRecord& record) const;
  std::string steps(const CaseRecord& record) const;
  /// Returns the title and the rules of the clauses of a case that failed.
  std::string rules(const CaseRecord& record) const;
  std::string failure(const CaseRecord& record, const FailureRecord& failure) const;
  std::string clauses(const RunRecord& run, const Coverage& coverage) const;
  std::string clause(const RunRecord& run, const ClauseCoverage& coverage) const;

  const TerminalStyle style_;
  bool line_shown_ = false;
  bool is_suite_ = false;
};

}  // namespace aoe::harness
