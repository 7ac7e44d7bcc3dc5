#include "harness/run/must_fail.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace aoe::harness {
namespace {

bool is_digit(char c) {
  return std::isxdigit(static_cast<unsigned char>(c)) != 0;
}

/// Does a place for a number end what was read of a pattern?
bool is_place(std::string_view read) {
  return read.ends_with("#n") || read.ends_with("sector n") || read.ends_with("(and n") ||
         read.ends_with("tag t");
}

}  // namespace

bool says(const std::string& text, const std::string& pattern) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (at == text.size()) return false;
    if (is_place(std::string_view(pattern).substr(0, i + 1)) && is_digit(text[at])) {
      while (at < text.size() && is_digit(text[at])) ++at;
    } else if (text[at++] != pattern[i]) {
      return false;
    }
  }
  return at == text.size();
}

void judge_must_fail(const Scenario& scenario, Verdict& verdict) {
  if (scenario.must_fail.empty() || !verdict.reason.empty()) return;
  const auto caught = std::ranges::find_if(verdict.failures, [&](const Finding& failure) {
    return says(failure.actual, scenario.must_fail);
  });
  if (caught != verdict.failures.end()) {
    verdict.outcome = Outcome::passed;
    verdict.notes = {"caught: " + caught->actual};
    verdict.failures.clear();
    return;
  }
  verdict.outcome = Outcome::failed;
  Finding failure{.rule = "must-fail",
                  .expected = "a failure that says: " + scenario.must_fail,
                  .actual = verdict.failures.empty() ? "it passed" : "others, see below",
                  .mark = {scenario.file, 0, 0}};
  verdict.failures.insert(verdict.failures.begin(), std::move(failure));
}

}  // namespace aoe::harness
