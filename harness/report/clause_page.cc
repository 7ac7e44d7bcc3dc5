#include "harness/report/clause_page.h"

#include <algorithm>
#include <set>
#include <string>

#include <fmt/format.h>

#include "base/printable.h"
#include "harness/judge/coverage.h"
#include "harness/language/abilities.h"
#include "harness/report/markdown.h"
#include "harness/report/text.h"

namespace aoe::harness {
namespace {

/// How an implementation fares with a clause.
struct Faring {
  std::size_t cases = 0;
  std::size_t failed = 0;
  std::size_t lacking = 0;
  std::vector<std::string> reasons;  // each once, in the order of the cases

  void add_reason(const std::string& reason) {
    if (std::ranges::find(reasons, reason) == reasons.end()) reasons.push_back(reason);
  }
};

Faring faring_of(const Clause& clause, const KnownImplementation& sut) {
  Faring faring;
  for (const Scenario& scenario : sut.suite) {
    if (std::ranges::find(scenario.clauses, clause.id) == scenario.clauses.end()) continue;
    ++faring.cases;
    const std::set<std::string> needs = abilities_needed(scenario);
    const auto lacks = std::ranges::find_if(
        needs, [&](const std::string& need) { return sut.cannot.contains(need); });
    if (lacks != needs.end()) {
      ++faring.lacking;
      faring.add_reason(sut.cannot.at(*lacks));
    } else if (std::string reason = sut.failures.reason_of(scenario.id); !reason.empty()) {
      ++faring.failed;
      faring.add_reason(reason);
    }
  }
  const std::string answers = every_answer_case(clause.id);
  if (std::string reason = sut.failures.reason_of(answers); !reason.empty()) {
    ++faring.cases;
    ++faring.failed;
    faring.add_reason(reason);
  }
  return faring;
}

std::string cell(const Clause& clause, const KnownImplementation& sut) {
  if (!binds(clause, sut.end)) return "";
  const Faring faring = faring_of(clause, sut);
  if (faring.cases == 0) return "untested";
  if (faring.failed > 0) return fmt::format("**fails {} of {}**", faring.failed, faring.cases);
  return faring.lacking == faring.cases ? "lacks it" : "keeps it";
}

std::string rows_of(const ClauseCatalogue& catalogue, const Section& section,
                    const std::vector<KnownImplementation>& implementations) {
  std::string rows;
  for (const Clause& clause : catalogue.clauses) {
    if (clause.section != section.id) continue;
    std::string rule = plain_markdown(clause.rule);
    if (!clause.room.empty()) rule += fmt::format(" *Room: {}*", plain_markdown(clause.room));
    if (!clause.untested.empty())
      rule += fmt::format(" *Untested: {}*", plain_markdown(clause.untested));
    rows += fmt::format("| {} | {} | {} |", clause.id, text(clause.level), rule);
    for (const KnownImplementation& sut : implementations) {
      const std::string words = cell(clause, sut);
      rows += words.empty() ? " |" : fmt::format(" {} |", words);
    }
    rows += "\n";
  }
  return rows;
}

/// Why they do not keep clauses of the section.
std::string reasons_of(const ClauseCatalogue& catalogue, const Section& section,
                       const std::vector<KnownImplementation>& implementations) {
  std::string lines;
  for (const Clause& clause : catalogue.clauses) {
    if (clause.section != section.id) continue;
    for (const KnownImplementation& sut : implementations) {
      if (!binds(clause, sut.end)) continue;
      for (const std::string& reason : faring_of(clause, sut).reasons)
        lines += fmt::format("- {}, {}: {}\n", clause.id, sut.name, plain_markdown(reason));
    }
  }
  return lines.empty() ? lines : "\n" + lines;
}

}  // namespace

std::string clause_page(const ClauseCatalogue& catalogue,
                        const std::vector<KnownImplementation>& implementations) {
  std::string page =
      "# The clauses, and how implementations keep them\n\n"
      "`aoe-harness clauses --md` prints this page; a test keeps it current. The rules are "
      "AoEr11's\n"
      "in our own words (`harness/language/clauses.yaml`), numbered by section; those under\n"
      "*profile* are traits of implementations that no standard demands.\n\n"
      "A cell is made of the cases of the suite for that end, and of what is written down about\n"
      "the implementation (`suts/NAME.yaml`, `suts/NAME.expected.yaml`); it is empty where the\n"
      "clause binds the other end. `aoe-harness conform` ends with 1 where an implementation does\n"
      "otherwise than is said here.\n";
  std::string heads = "\n| clause | level | rule |";
  std::string line = "| --- | --- | --- |";
  for (const KnownImplementation& sut : implementations) {
    heads += fmt::format(" {} |", sut.name);
    line += " --- |";
  }
  for (const Section& section : catalogue.sections) {
    const std::string rows = rows_of(catalogue, section, implementations);
    if (rows.empty()) continue;
    page += fmt::format("\n## {}\n{}\n{}\n{}{}", named(section), heads, line, rows,
                        reasons_of(catalogue, section, implementations));
  }
  return page;
}

}  // namespace aoe::harness
