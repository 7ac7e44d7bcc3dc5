#include "harness/commands/answer_cases.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/judge/coverage.h"
#include "harness/language/clauses.h"

namespace aoe::harness {
namespace {

/// What a case shows beside its record travels as one of which only these count: failures, notes (the
/// kinds that were answered), and the reason (the one that was not).
constexpr char between = '\0';

std::string title_of(std::string_view clause) {
  const Clause* known = clause_catalogue().find(clause);
  return fmt::format("Every answer of every case: {}", known == nullptr ? clause : known->rule);
}

}  // namespace

std::string to_text(const Handover& handover) {
  CaseRecord beside;
  beside.failures = handover.aside.broken;
  beside.notes.assign(handover.aside.answered.begin(), handover.aside.answered.end());
  beside.reason = handover.aside.unanswered;
  return to_json(handover.record) + between + to_json(beside);
}

tl::expected<Handover, std::string> handover_from_text(const std::string& text) {
  const std::size_t end = text.find(between);
  if (end == std::string::npos) return tl::unexpected(std::string("it is cut short"));
  auto record = case_from_json(text.substr(0, end));
  if (!record) return tl::unexpected(record.error());
  auto beside = case_from_json(text.substr(end + 1));
  if (!beside) return tl::unexpected(beside.error());
  return Handover{*std::move(record),
                  {.broken = std::move(beside->failures),
                   .answered = {beside->notes.begin(), beside->notes.end()},
                   .unanswered = std::move(beside->reason)}};
}

void AnswerCases::add(const Handover& handover) {
  const CaseRecord& from = handover.record;
  for (const FailureRecord& failure : handover.aside.broken) {
    auto [found, is_new] = by_clause_.try_emplace(failure.clause);
    Broken& broken = found->second;
    if (is_new) {
      CaseRecord& record = broken.record;
      record.id = every_answer_case(failure.clause);
      record.title = title_of(failure.clause);
      record.file = from.file;
      record.clauses = {failure.clause};
      record.seed = from.seed;
      record.outcome = Outcome::failed;
      record.tries = 1;
      record.folder = from.folder;
      record.reproduce = from.reproduce;
      record.yaml = from.yaml;
    }
    if (broken.record.failures.size() < failures_kept) broken.record.failures.push_back(failure);
    if (std::ranges::count(broken.where, from.id) == 0) broken.where.push_back(from.id);
  }
}

std::vector<CaseRecord> AnswerCases::cases() const {
  constexpr std::size_t named_max = 20;
  std::vector<CaseRecord> cases;
  for (const auto& [clause, broken] : by_clause_) {
    CaseRecord& record = cases.emplace_back(broken.record);
    const std::size_t named = std::min(named_max, broken.where.size());
    const auto end = broken.where.begin() + static_cast<std::ptrdiff_t>(named);
    record.notes.push_back(fmt::format("in {} cases: {}{}", broken.where.size(),
                                       fmt::join(broken.where.begin(), end, ", "),
                                       named < broken.where.size() ? ", …" : ""));
  }
  return cases;
}

}  // namespace aoe::harness
