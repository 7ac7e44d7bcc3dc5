#include "harness/report/markdown.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "harness/judge/coverage.h"
#include "harness/report/text.h"

namespace aoe::harness {
namespace {

constexpr std::size_t rows_max = 200;
constexpr std::size_t details_size_max = 600'000;  // bytes, of all cases together

/// Returns the text within a fence that is longer than any run of backticks in it.
std::string fenced(const std::string& text) {
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(std::max<std::size_t>(longest + 1, 3), '`');
  return fmt::format("{}\n{}{}\n", fence, text, fence);
}

std::string details(const CaseRecord& record) {
  return fmt::format("\n<details><summary>{} <code>{}</code>: {}</summary>\n\n{}\n</details>\n",
                     text(record.outcome), markup(one_line(record.id)),
                     markup(one_line(record.title)), fenced(evidence_text(record)));
}

/// Returns, for a suite, the verdict per level and the clauses that are not kept.
std::string clauses_of(const RunRecord& run) {
  if (run.suite.empty()) return {};
  const Coverage coverage = coverage_of(run);
  std::string text = fmt::format("\n**{}**\n", describe(coverage.levels()));
  std::string rows;
  for (const ClauseCoverage& of : coverage.clauses) {
    if (of.verdict == ClauseVerdict::kept || of.verdict == ClauseVerdict::untested) continue;
    rows += fmt::format("| {} {} | {} | {} | {} | {} |\n", look_of(standing_of(of.verdict)).sign,
                        harness::text(of.verdict), plain_markdown(of.clause->id),
                        harness::text(of.clause->level), plain_markdown(of.clause->rule),
                        plain_markdown(describe(of)));
  }
  if (!rows.empty())
    text += "\n| | clause | level | rule | cases |\n| --- | --- | --- | --- | --- |\n" + rows;
  return text;
}

}  // namespace

std::string plain_markdown(std::string_view text) {
  std::string result;
  for (const char c : one_line(text)) {
    if (std::string_view("\\`*_{}[]<>()#|~&!@:").find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

std::string to_markdown(const RunRecord& run) {
  const bool well = !run.interrupted && is_well(run);
  std::string text =
      fmt::format("### {} aoe-harness: {}\n\nseed {}, world {}, sut {}, {}\n", well ? "✅" : "❌",
                  describe(count(run)), run.seed, plain_markdown(run.world),
                  plain_markdown(run.sut), brief(run.real));
  text += clauses_of(run);
  if (run.interrupted)
    text += fmt::format("\n**Interrupted**: {} not run.\n", quantity(run.not_run.size(), "case"));

  std::vector<const CaseRecord*> shown;
  for (const CaseRecord& record : run.cases) {
    if (record.outcome != Outcome::passed) shown.push_back(&record);
  }
  if (shown.empty()) return text;
  text += "\n| | case | what happened | time |\n| --- | --- | --- | ---: |\n";
  for (std::size_t i = 0; i < std::min(shown.size(), rows_max); ++i) {
    const CaseRecord& record = *shown[i];
    text +=
        fmt::format("| {} {} | {} | {} | {} |\n", look_of(standing_of(record.outcome)).sign,
                    verdict(record), plain_markdown(record.id),
                    plain_markdown(record.reason.empty() ? first_failure(record) : record.reason),
                    brief(record.took));
  }
  if (shown.size() > rows_max) text += fmt::format("\nand {} more\n", shown.size() - rows_max);

  std::size_t left = 0;
  const std::size_t end = text.size() + details_size_max;
  for (const CaseRecord* record : shown) {
    if (record->outcome == Outcome::unsupported) continue;
    const std::string folded = details(*record);
    if (text.size() + folded.size() > end) {
      ++left;
    } else {
      text += folded;
    }
  }
  if (left > 0) text += fmt::format("\nOf {} the details are left out.\n", quantity(left, "case"));
  return text;
}

}  // namespace aoe::harness
