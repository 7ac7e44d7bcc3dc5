#include "harness/report/failure_groups.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "harness/language/clauses.h"
#include "harness/report/text.h"

namespace aoe::harness {
namespace {

/// Returns the text without what differs from case to case though the cause is one: the frame in
/// brackets at its end, and how long it took until nothing had come.
std::string cause_in(const std::string& actual) {
  std::string cause = actual.substr(0, actual.find(" (#"));
  if (const std::size_t after = cause.find("none after "); after != std::string::npos)
    cause.resize(after + std::string_view("none").size());
  return cause.empty() ? actual : cause;
}

/// Returns the cause without what came instead: "size: expected 60 bytes or more".
std::string kind_of_cause(const std::string& cause) {
  std::string kind;
  for (std::size_t at = 0; at < cause.size();) {
    const std::size_t end = std::min(cause.find("; ", at), cause.size());
    const std::string part = cause.substr(at, end - at);
    kind += (kind.empty() ? "" : "; ") + part.substr(0, part.find(", got "));
    at = end + 2;
  }
  return kind;
}

FailureGroup group_of(const CaseRecord& record) {
  FailureGroup group{.clause = {}, .cause = record.reason, .outcome = record.outcome, .cases = {}};
  if (record.failures.empty()) {  // nothing is said of a clause; how busy a machine was is no cause
    group.cause.resize(std::min(group.cause.find(": times are only known"), group.cause.size()));
    return group;
  }
  if (!record.clauses.empty()) group.clause = record.clauses.front();
  const FailureRecord& first = record.failures.front();
  if (!first.clause.empty()) group.clause = first.clause;
  if (record.outcome == Outcome::expected_failure) return group;  // the reason is known
  group.cause = cause_in(first.actual);
  if (group.cause == "none" && first.rule == "reply") group.cause = "no answer";
  return group;
}

std::size_t place_of(const std::string& clause) {
  const auto& clauses = clause_catalogue().clauses;
  return static_cast<std::size_t>(std::ranges::find(clauses, clause, &Clause::id) -
                                  clauses.begin());
}

}  // namespace

std::vector<FailureGroup> group_failures(const RunRecord& run) {
  std::vector<FailureGroup> groups;
  std::map<std::tuple<std::string, std::string, Outcome>, std::size_t> known;
  for (std::size_t i = 0; i < run.cases.size(); ++i) {
    if (!needs_story(run.cases[i].outcome)) continue;
    const FailureGroup group = group_of(run.cases[i]);
    const std::string kind = kind_of_cause(group.cause);
    const auto [place, is_new] =
        known.try_emplace({group.clause, kind, group.outcome}, groups.size());
    if (is_new) groups.push_back(group);
    FailureGroup& whole = groups[place->second];
    if (whole.cause != group.cause) whole.cause = kind;
    whole.cases.push_back(i);
  }
  const auto order = [](const FailureGroup& group) {
    const Standing standing = standing_of(group.outcome);
    const int urgency = standing == Standing::bad ? 0 : standing == Standing::doubtful ? 1 : 2;
    return std::pair(urgency, place_of(group.clause));
  };
  std::ranges::stable_sort(groups, {}, order);
  return groups;
}

}  // namespace aoe::harness
