#include "harness/report/comparison.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "harness/report/text.h"

namespace aoe::harness {
namespace {

using Json = nlohmann::ordered_json;

/// From good to bad; what is excused is as it should be, but no pass.
int badness(Standing standing) {
  switch (standing) {
    case Standing::good: return 0;
    case Standing::excused: return 1;
    case Standing::doubtful: return 2;
    case Standing::bad: return 3;
  }
  AOE_CHECK(false && "a standing without a rank");
}

Change change_of(Standing before, Standing now) {
  if (badness(now) == badness(before)) return Change::other;
  return badness(now) > badness(before) ? Change::worse : Change::better;
}

/// How it failed. The folder of a scenario is left out: runs of several checkouts are compared.
std::string kind_of(const CaseRecord& record) {
  std::string kind;
  for (const FailureRecord& failure : record.failures) {
    const std::string place = failure.where.substr(failure.where.rfind('/') + 1);
    kind += fmt::format("{} {} {} {}\n", place, failure.rule, failure.clause, failure.field);
  }
  return kind;
}

std::string said(const CaseRecord& record) {
  return record.failures.empty() ? record.reason : first_failure(record);
}

/// Walks through two lists of named things: `both`, for those that both have, adds a difference
/// where it finds one. `word` and `says` are of a thing that only one has.
template <class Item, class Name, class Word, class Says, class Both>
std::vector<Difference> walk(const std::vector<Item>& before, const std::vector<Item>& now,
                             Name name, Word word, Says says, Both both) {
  std::map<std::string, const Item*, std::less<>> then;
  for (const Item& item : before) then.emplace(name(item), &item);
  std::vector<Difference> found;
  for (const Item& item : now) {
    const auto known = then.find(name(item));
    if (known == then.end()) {
      found.push_back({name(item), Change::only_now, "", word(item), "", says(item)});
      continue;
    }
    both(*known->second, item, found);
    then.erase(known);
  }
  for (const Item& item : before) {
    if (then.contains(name(item)))
      found.push_back({name(item), Change::gone, word(item), "", says(item), ""});
  }
  return found;
}

std::vector<Difference> compare_cases(const RunRecord& before, const RunRecord& now,
                                      std::size_t& same) {
  auto found = walk(
      before.cases, now.cases, [](const CaseRecord& record) { return record.id; },
      [](const CaseRecord& record) { return verdict(record); }, said,
      [&](const CaseRecord& one, const CaseRecord& other, std::vector<Difference>& differences) {
        if (one.outcome == other.outcome && kind_of(one) == kind_of(other)) {
          ++same;
          return;
        }
        differences.push_back({other.id,
                               change_of(standing_of(one.outcome), standing_of(other.outcome)),
                               verdict(one), verdict(other), said(one), said(other)});
      });
  std::ranges::stable_sort(found, {}, &Difference::change);
  return found;
}

std::vector<Difference> compare_clauses(const RunRecord& before, const RunRecord& now) {
  return walk(
      coverage_of(before).clauses, coverage_of(now).clauses,
      [](const ClauseCoverage& coverage) { return coverage.clause->id; },
      [](const ClauseCoverage& coverage) { return std::string(text(coverage.verdict)); },
      [](const ClauseCoverage&) { return std::string(); },
      [](const ClauseCoverage& one, const ClauseCoverage& other, std::vector<Difference>& found) {
        if (one.verdict == other.verdict) return;
        found.push_back({other.clause->id,
                         change_of(standing_of(one.verdict), standing_of(other.verdict)),
                         std::string(text(one.verdict)), std::string(text(other.verdict))});
      });
}

std::vector<Difference> compare_abilities(const RunRecord& before, const RunRecord& now) {
  const auto word = [](const ProbeRecord& probe) {
    return std::string(probe.has ? "has" : "lacks");
  };
  return walk(
      before.probes, now.probes, [](const ProbeRecord& probe) { return probe.ability; }, word,
      [](const ProbeRecord& probe) { return probe.answered; },
      [&](const ProbeRecord& one, const ProbeRecord& other, std::vector<Difference>& found) {
        if (one.has == other.has) return;
        found.push_back(
            {other.ability, other.has ? Change::better : Change::worse, word(one), word(other)});
      });
}

std::string title_of(const RunRecord& run) {
  return one_line(fmt::format("{}{}{} {} seed {} of {}", run.sut,
                              run.sut_version.empty() ? "" : ", ", run.sut_version, run.world,
                              run.seed, run.started));
}

std::string lines_of(std::string_view what, const std::vector<Difference>& differences) {
  std::string lines;
  for (const Difference& one : differences) {
    lines += fmt::format("  {:<7}{:<9}{}  {}\n", text(one.change), what,
                         one.before.empty() ? one.now
                         : one.now.empty()  ? one.before
                                            : one.before + " → " + one.now,
                         one_line(one.id));
    if (!one.said_before.empty()) lines += wrapped("before: " + one_line(one.said_before), 18);
    if (!one.says_now.empty()) lines += wrapped("now: " + one_line(one.says_now), 18);
  }
  return lines;
}

Json json_of(const std::vector<Difference>& differences) {
  Json list = Json::array();
  for (const Difference& one : differences) {
    const auto or_null = [](const std::string& word) { return word.empty() ? Json() : Json(word); };
    list.push_back({{"id", one.id},
                    {"change", text(one.change)},
                    {"before", or_null(one.before)},
                    {"now", or_null(one.now)},
                    {"said_before", one.said_before},
                    {"says_now", one.says_now}});
  }
  return list;
}

Json json_of(const RunRecord& run) {
  return {{"sut", run.sut},
          {"version", run.sut_version},
          {"world", run.world},
          {"suite", run.suite},
          {"seed", run.seed},
          {"started", run.started},
          {"summary", describe(count(run))}};
}

}  // namespace

std::string_view text(Change change) {
  switch (change) {
    case Change::worse: return "worse";
    case Change::better: return "better";
    case Change::other: return "other";
    case Change::only_now: return "new";
    case Change::gone: return "gone";
  }
  AOE_CHECK(false && "a change without a name");
}

Comparison compare_runs(const RunRecord& before, const RunRecord& now) {
  Comparison comparison;
  comparison.cases = compare_cases(before, now, comparison.same);
  comparison.clauses = compare_clauses(before, now);
  comparison.abilities = compare_abilities(before, now);
  return comparison;
}

std::string comparison_text(const Comparison& comparison, const RunRecord& before,
                            const RunRecord& now) {
  std::string result = fmt::format("before  {}\nnow     {}\n", title_of(before), title_of(now));
  result += lines_of("ability", comparison.abilities) + lines_of("clause", comparison.clauses) +
            lines_of("case", comparison.cases);
  std::vector<std::string> counts;
  for (const Change change :
       {Change::worse, Change::better, Change::other, Change::only_now, Change::gone}) {
    const auto number = std::ranges::count(comparison.cases, change, &Difference::change);
    if (number > 0) counts.push_back(fmt::format("{} {}", number, text(change)));
  }
  counts.push_back(fmt::format("{} the same", comparison.same));
  return result + fmt::format("cases: {}\n", fmt::join(counts, ", "));
}

std::string comparison_json(const Comparison& comparison, const RunRecord& before,
                            const RunRecord& now) {
  const Json whole{{"format", 1},
                   {"before", json_of(before)},
                   {"now", json_of(now)},
                   {"same", comparison.same},
                   {"cases", json_of(comparison.cases)},
                   {"clauses", json_of(comparison.clauses)},
                   {"abilities", json_of(comparison.abilities)}};
  return whole.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace aoe::harness
