#include "harness/report/clause_list.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "config/yaml_map.h"
#include "harness/report/text.h"

namespace aoe::harness {
namespace {

constexpr std::size_t id_columns = 24;

}  // namespace

ClauseList::ClauseList(const ClauseCatalogue& catalogue, const std::vector<Scenario>& scenarios)
    : catalogue_(catalogue) {
  for (const Clause& clause : catalogue.clauses) clauses_.push_back(&clause);
  std::set<std::pair<std::string, std::string>> counted;  // clause, scenario
  for (const Scenario& scenario : scenarios) {
    const std::string name = scenario.id.substr(0, scenario.id.find('['));
    for (const std::string& clause : scenario.clauses) {
      Citations& cited = cited_[clause];
      if (counted.emplace(clause, name).second) ++cited.scenarios;
      ++cited.variants;
    }
  }
}

tl::expected<void, std::string> ClauseList::select(const std::vector<std::string>& wanted) {
  if (wanted.empty()) return {};
  std::set<std::string> known = catalogue_.ids();
  for (const Section& section : catalogue_.sections) known.insert(section.id);
  for (const std::string& word : wanted) {
    if (known.contains(word)) continue;
    const std::string meant = nearest(word, known);
    return tl::unexpected(
        fmt::format("{}: no such section or clause{}", word,
                    meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant)));
  }
  std::erase_if(clauses_, [&](const Clause* clause) {
    return std::ranges::none_of(wanted, [&](const std::string& word) {
      return word == clause->id || word == clause->section;
    });
  });
  return {};
}

void ClauseList::select_uncovered() {
  std::erase_if(clauses_, [&](const Clause* clause) {
    return citations(*clause).variants > 0 || !clause->untested.empty();
  });
}

Citations ClauseList::citations(const Clause& clause) const {
  const auto found = cited_.find(clause.id);
  return found == cited_.end() ? Citations{} : found->second;
}

std::string ClauseList::text() const {
  std::string out;
  for (const Section& section : catalogue_.sections) {
    bool is_first = true;
    for (const Clause* clause : clauses_) {
      if (clause->section != section.id) continue;
      if (is_first)
        out += fmt::format("{}{}  {}\n", out.empty() ? "" : "\n", section.id, section.title);
      is_first = false;
      const Citations cited = citations(*clause);
      out += fmt::format("  {} {:<7}  {:<9}  {}\n", padded(clause->id, id_columns),
                         harness::text(clause->level), harness::text(clause->binds),
                         cited.variants > 0
                             ? fmt::format("{}, {}", quantity(cited.scenarios, "scenario"),
                                           quantity(cited.variants, "variant"))
                             : "no scenario");
      out += wrapped(clause->rule, 6);
      if (!clause->room.empty()) out += wrapped("Room: " + clause->room, 6);
      if (!clause->untested.empty()) out += wrapped("Untested: " + clause->untested, 6);
    }
  }
  return out;
}

std::string ClauseList::json() const {
  auto list = nlohmann::ordered_json::array();
  for (const Clause* clause : clauses_) {
    const Citations cited = citations(*clause);
    nlohmann::ordered_json item{{"id", clause->id},
                                {"section", clause->section},
                                {"level", harness::text(clause->level)},
                                {"binds", harness::text(clause->binds)},
                                {"rule", clause->rule}};
    if (!clause->room.empty()) item["room"] = clause->room;
    if (!clause->untested.empty()) item["untested"] = clause->untested;
    item["scenarios"] = cited.scenarios;
    item["variants"] = cited.variants;
    list.push_back(std::move(item));
  }
  return list.dump(2) + "\n";
}

}  // namespace aoe::harness
