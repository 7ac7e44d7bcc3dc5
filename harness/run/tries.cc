#include "harness/run/tries.h"

#include <utility>

#include <fmt/format.h>

namespace aoe::harness {
namespace {

/// How much of a finding it is.
int weight(Outcome outcome) {
  switch (outcome) {
    case Outcome::failed: return 5;
    case Outcome::broken: return 4;
    case Outcome::inconclusive: return 3;
    case Outcome::unsupported: return 2;
    default: return 1;
  }
}

}  // namespace

void Tries::add(CaseRecord record) {
  ++tries_;
  passed_ += record.outcome == Outcome::passed ? 1 : 0;
  failed_ += record.outcome == Outcome::failed ? 1 : 0;
  real_ += record.real;
  if (!worst_ || weight(record.outcome) > weight(worst_->outcome)) worst_ = std::move(record);
}

CaseRecord Tries::merged() const {
  CaseRecord record = worst_.value();
  record.tries = tries_;
  record.tries_passed = passed_;
  record.real = real_;
  if (passed_ > 0 && failed_ > 0) {
    record.outcome = Outcome::flaky;
    record.reason = fmt::format("{} of {} tries failed", failed_, tries_);
  }
  return record;
}

}  // namespace aoe::harness
