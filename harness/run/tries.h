// Several tries of one case, merged into one record.
#pragma once

#include <optional>

#include "harness/judge/record.h"

namespace aoe::harness {

class Tries {
 public:
  void add(CaseRecord record);
  bool empty() const { return !worst_; }
  /// Returns whether there were tries, and each one failed.
  bool all_failed() const { return tries_ > 0 && failed_ == tries_; }
  /// Returns the record of the first try with the worst outcome; flaky where some passed and some
  /// failed: a retry never makes a pass of a failure.
  CaseRecord merged() const;

 private:
  std::optional<CaseRecord> worst_;
  unsigned tries_ = 0;
  unsigned passed_ = 0;
  unsigned failed_ = 0;
  Duration real_{};
};

}  // namespace aoe::harness
