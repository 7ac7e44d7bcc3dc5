#include "harness/report/text.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/check.h"
#include "harness/language/clauses.h"

namespace aoe::harness {
namespace {

constexpr std::size_t log_shown = 2000;  // bytes
constexpr std::size_t line_columns = 100;

}  // namespace

const Look& look_of(Standing standing) {
  static constexpr std::array<Look, 4> looks{{{"good", "✅", 32},           // green
                                              {"bad", "❌", 31},            // red
                                              {"doubtful", "⚠️", 33},  // yellow
                                              {"excused", "⚪", 2}}};       // faint
  return looks[static_cast<std::size_t>(standing)];
}

Standing standing_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::passed: return Standing::good;
    case Outcome::failed:
    case Outcome::broken:
    case Outcome::unexpected_pass: return Standing::bad;
    case Outcome::flaky:
    case Outcome::inconclusive: return Standing::doubtful;
    case Outcome::unsupported:
    case Outcome::expected_failure: return Standing::excused;
  }
  AOE_CHECK(false && "an outcome without a standing");
}

Standing standing_of(ClauseVerdict verdict) {
  switch (verdict) {
    case ClauseVerdict::kept: return Standing::good;
    case ClauseVerdict::broken: return Standing::bad;
    case ClauseVerdict::doubtful: return Standing::doubtful;
    case ClauseVerdict::known_broken:
    case ClauseVerdict::unsupported:
    case ClauseVerdict::untested: return Standing::excused;
  }
  AOE_CHECK(false && "a verdict without a standing");
}

bool is_well(Outcome outcome) {
  const Standing standing = standing_of(outcome);
  return standing == Standing::good || standing == Standing::excused;
}

bool is_well(const RunRecord& run) {
  return std::ranges::all_of(run.cases,
                             [](const CaseRecord& record) { return is_well(record.outcome); });
}

bool needs_story(Outcome outcome) {
  return outcome != Outcome::passed && outcome != Outcome::unsupported;
}

std::string verdict(const CaseRecord& record) {
  if (record.outcome != Outcome::flaky) return std::string(text(record.outcome));
  return fmt::format("{} {}/{}", text(record.outcome), record.tries_passed, record.tries);
}

std::string wrapped(std::string_view text, std::size_t indent) {
  std::string lines;
  std::string line(indent, ' ');
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    if (width(line) > indent && width(line) + 1 + width(word) > line_columns) {
      lines += line + "\n";
      line.assign(indent, ' ');
    }
    if (width(line) > indent) line += ' ';
    line += word;
    at = end + 1;
  }
  return lines + line + "\n";
}

std::string named(const Section& section) {
  const bool is_numbered = section.id.front() >= '0' && section.id.front() <= '9';
  return is_numbered ? fmt::format("§{} {}", section.id, section.title) : section.title;
}

std::string about(const FailureRecord& failure) {
  if (failure.clause.empty() && failure.field.empty()) return {};
  const bool both = !failure.clause.empty() && !failure.field.empty();
  return one_line(fmt::format(" [{}{}{}]", failure.clause, both ? ", " : "", failure.field));
}

std::string first_failure(const CaseRecord& record) {
  if (record.failures.empty()) return {};
  const FailureRecord& first = record.failures.front();
  const std::size_t more = record.failures.size() - 1;
  return fmt::format("expected {}, but: {}{}", first.expected, first.actual,
                     more > 0 ? fmt::format(" (and {} more)", more) : "");
}

std::vector<LadderText> ladder_text(const std::vector<LadderLine>& ladder) {
  std::size_t columns = width("frame");
  for (const LadderLine& line : ladder) columns = std::max(columns, 2 + width(one_line(line.what)));
  const auto row = [&](std::string_view at, std::string_view number, std::string what,
                       std::string_view fate) {
    std::string text =
        fmt::format("{:>12}  {:>5}  {}  {}", at, number, padded(std::move(what), columns), fate);
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  };
  std::vector<LadderText> lines;
  if (ladder.empty()) return lines;
  lines.push_back({row("t(ms)", "#", "frame", "fate"), nullptr});
  for (const LadderLine& line : ladder) {
    if (line.gap_before) lines.push_back({row("...", "", "", ""), nullptr});
    lines.push_back({row(in_milliseconds(line.at - ladder.front().at), std::to_string(line.frame),
                         (line.to_target ? "→ " : "← ") + one_line(line.what), one_line(line.fate)),
                     &line});
  }
  return lines;
}

std::string evidence_text(const CaseRecord& record) {
  std::string text;
  if (!record.reason.empty()) text += one_line(record.reason) + "\n";
  for (const FailureRecord& failure : record.failures) {
    text += fmt::format("{}{}: {}{}\nexpected  {}\nactual    {}\n", text.empty() ? "" : "\n",
                        one_line(failure.where), one_line(failure.rule), about(failure),
                        one_line(failure.expected), one_line(failure.actual));
    for (const LadderText& line : ladder_text(failure.ladder)) text += line.text + "\n";
  }
  if (record.failures.empty() && !record.log.empty()) {
    const std::size_t from = record.log.size() - std::min(record.log.size(), log_shown);
    text += printable(std::string_view(record.log).substr(from));
    if (!text.ends_with('\n')) text += '\n';
  }
  for (const std::string& id : record.clauses) {
    const Clause* clause = record.failures.empty() ? nullptr : clause_catalogue().find(id);
    if (clause != nullptr) text += fmt::format("clause    {}  {}\n", clause->id, clause->rule);
  }
  if (!record.reproduce.empty()) text += "repro     " + one_line(record.reproduce) + "\n";
  return text;
}

}  // namespace aoe::harness
