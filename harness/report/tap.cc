#include "harness/report/tap.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "base/check.h"
#include "harness/report/text.h"

namespace aoe::harness {
namespace {

/// A description: a # would begin a directive.
std::string escaped(std::string_view description) {
  std::string text;
  for (const char c : one_line(description)) {
    if (c == '#' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

/// As YAML takes any text.
std::string yaml_string(std::string_view value) {
  std::string text = "\"";
  for (const char c : one_line(value)) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + "\"";
}

/// The lines of a text below a key that ends in "|2", which says how far they are set in.
std::string block(std::string_view text) {
  std::string lines;
  std::string rest = printable(text);
  for (std::size_t at = 0; at < rest.size();) {
    const std::size_t end = std::min(rest.find('\n', at), rest.size());
    lines += "    " + rest.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return lines;
}

std::string diagnostics(const CaseRecord& record) {
  std::string yaml = fmt::format("  ---\n  outcome: {}\n  file: {}\n", text(record.outcome),
                                 yaml_string(record.file));
  if (!record.failures.empty()) {
    const FailureRecord& first = record.failures.front();
    yaml += fmt::format("  at: {}\n  rule: {}\n  expected: {}\n  actual: {}\n",
                        yaml_string(first.where), yaml_string(first.rule),
                        yaml_string(first.expected), yaml_string(first.actual));
  }
  return yaml + "  evidence: |2\n" + block(evidence_text(record)) + "  ...\n";
}

std::string_view directive(Outcome outcome) {
  switch (outcome) {
    case Outcome::passed:
    case Outcome::failed:
    case Outcome::broken: return {};
    case Outcome::flaky:
    case Outcome::expected_failure:
    case Outcome::unexpected_pass: return "TODO";
    case Outcome::inconclusive:
    case Outcome::unsupported: return "SKIP";
  }
  AOE_CHECK(false && "an outcome without a directive");
}

std::string_view result(Outcome outcome) {
  switch (outcome) {
    case Outcome::passed:
    case Outcome::unexpected_pass:
    case Outcome::inconclusive:
    case Outcome::unsupported: return "ok";
    case Outcome::failed:
    case Outcome::broken:
    case Outcome::flaky:
    case Outcome::expected_failure: return "not ok";
  }
  AOE_CHECK(false && "an outcome without a result");
}

}  // namespace

std::string to_tap(const RunRecord& run) {
  std::string tap = fmt::format("TAP version 14\n1..{}\n# seed {}  world {}  sut {}\n",
                                run.cases.size() + run.not_run.size(), run.seed,
                                one_line(run.world), one_line(run.sut));
  std::size_t number = 0;
  for (const CaseRecord& record : run.cases) {
    tap += fmt::format("{} {} - {}", result(record.outcome), ++number, escaped(record.id));
    if (const std::string_view word = directive(record.outcome); !word.empty())
      tap += fmt::format(" # {} {}: {}", word, verdict(record), escaped(record.reason));
    tap += "\n";
    if (result(record.outcome) == "not ok") tap += diagnostics(record);
  }
  for (const std::string& id : run.not_run)
    tap += fmt::format("ok {} - {} # SKIP not run\n", ++number, escaped(id));
  if (run.interrupted) tap += "Bail out! interrupted\n";
  return tap;
}

}  // namespace aoe::harness
