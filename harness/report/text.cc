#include "harness/report/text.h"

#include <algorithm>

#include <fmt/format.h>

#include "harness/language/clauses.h"

namespace aoe::harness {
namespace {

constexpr std::size_t log_shown = 2000;  // bytes

}  // namespace

std::string verdict(const CaseRecord& record) {
  if (record.outcome != Outcome::flaky) return std::string(text(record.outcome));
  return fmt::format("{} {}/{}", text(record.outcome), record.tries_passed, record.tries);
}

bool is_well(Outcome outcome) {
  return outcome == Outcome::passed || outcome == Outcome::unsupported ||
         outcome == Outcome::expected_failure;
}

std::string scenario_of(const CaseRecord& record) {
  return record.id.substr(0, record.id.find('['));
}

std::string variant_of(const CaseRecord& record) {
  const auto open = record.id.find('[');
  if (open == std::string::npos) return {};
  const auto close = record.id.rfind(']');
  return record.id.substr(open + 1, close == std::string::npos ? close : close - open - 1);
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

std::string failure_text(const FailureRecord& failure) {
  std::string text = fmt::format("expected  {}\nactual    {}\n", one_line(failure.expected),
                                 one_line(failure.actual));
  for (const LadderText& line : ladder_text(failure.ladder)) text += line.text + "\n";
  return text;
}

std::string clauses_text(const CaseRecord& record) {
  std::string text;
  for (const std::string& id : record.clauses) {
    const Clause* clause = clause_catalogue().find(id);
    if (clause != nullptr) text += fmt::format("clause    {}  {}\n", clause->id, clause->rule);
  }
  return text;
}

std::string evidence_text(const CaseRecord& record) {
  std::string text;
  if (!record.reason.empty()) text += one_line(record.reason) + "\n";
  for (const FailureRecord& failure : record.failures) {
    text += fmt::format("{}{}: {}\n{}", text.empty() ? "" : "\n", one_line(failure.where),
                        one_line(failure.rule), failure_text(failure));
  }
  if (record.failures.empty() && !record.log.empty()) {
    const std::size_t from = record.log.size() - std::min(record.log.size(), log_shown);
    text += printable(std::string_view(record.log).substr(from));
    if (!text.ends_with('\n')) text += '\n';
  }
  if (!record.failures.empty()) text += clauses_text(record);
  if (!record.reproduce.empty()) text += "repro     " + one_line(record.reproduce) + "\n";
  return text;
}

}  // namespace aoe::harness
