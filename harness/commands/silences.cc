#include "harness/commands/silences.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/language/clauses.h"

namespace aoe::harness {
namespace {

constexpr std::string_view clause = "2/14";  // that each request is answered

std::string id_of(std::string kind) {
  std::ranges::replace(kind, ' ', '-');
  return fmt::format("target-unanswered[request={}]", kind);
}

}  // namespace

void Silences::add(std::size_t number, const Handover& handover) {
  answered_.insert(handover.aside.answered.begin(), handover.aside.answered.end());
  // One that is known to fail is no news, and one that passed in another try had an answer.
  if (handover.record.outcome == Outcome::failed && !handover.aside.unanswered.empty()) {
    silent_[number] = {handover.aside.unanswered, handover.record};
  } else {
    silent_.erase(number);
  }
}

bool Silences::is_suspect(std::size_t number) const {
  const auto silent = silent_.find(number);
  return silent != silent_.end() && !answered_.contains(silent->second.kind);
}

std::vector<Silences::Cause> Silences::causes() const {
  constexpr std::size_t cases_min = 2;
  std::map<std::string, std::vector<std::size_t>> by_kind;
  for (const auto& [number, silent] : silent_) {
    if (is_suspect(number)) by_kind[silent.kind].push_back(number);
  }
  std::vector<Cause> causes;
  for (auto& [kind, cases] : by_kind) {
    if (cases.size() < cases_min) continue;
    std::vector<std::string> ids;
    for (const std::size_t number : cases) ids.push_back(silent_.at(number).record.id);
    const CaseRecord& first = silent_.at(cases.front()).record;
    Cause& cause = causes.emplace_back();
    cause.record = first;
    cause.record.id = id_of(kind);
    cause.record.title = fmt::format("A request is answered: {}", kind);
    cause.record.clauses = {std::string(clause)};
    cause.record.level = text(Level::must);
    for (FailureRecord& failure : cause.record.failures) failure.clause = clause;
    cause.record.notes = {fmt::format("none was answered, so {} cases are not judged: {}",
                                      ids.size(), fmt::join(ids, ", "))};
    cause.reason = fmt::format("not judged: no {} is answered, see {}", kind, cause.record.id);
    cause.cases = std::move(cases);
  }
  return causes;
}

}  // namespace aoe::harness
