#include "harness/import/scenario_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/printable.h"
#include "harness/import/frame_words.h"
#include "harness/language/clauses.h"
#include "harness/run/runner.h"
#include "harness/world/sim_world.h"

namespace aoe::harness {
namespace {

std::string title_of(const CapturedCase& shown) {
  const Clause* const clause = clause_catalogue().find(shown.finding.clause);
  if (clause != nullptr) return clause->rule;
  return fmt::format("{} is not seen any more", shown.finding.rule);
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  if (bytes % (1 << 20) == 0) return fmt::format("{}MiB", bytes >> 20);
  if (bytes % 1024 == 0) return fmt::format("{}KiB", bytes >> 10);
  return std::to_string(bytes);
}

std::size_t mtu_of(std::size_t frame_size) {
  constexpr std::size_t usual = 1500;
  return std::max(usual, frame_size - std::min(frame_size, ethernet_header_size));
}

std::string head_of(const CapturedCase& shown, const ImportOptions& options,
                    const std::string& target, std::uint64_t sectors, std::size_t mtu) {
  const Finding& finding = shown.finding;
  std::string text =
      fmt::format("# Made by aoe-harness import of {}, whose frame {} breaks a rule ({}):\n# {}\n",
                  one_line(options.capture), shown.frame, finding.rule, one_line(finding.actual));
  text += fmt::format("scenario: {}\ntitle: {}\n", options.name, in_quotes(title_of(shown)));
  // The clause is what every answer is judged by where it is of that kind (judge/answer_rules.h).
  if (clause_catalogue().find(finding.clause) != nullptr)
    text += fmt::format("clause: [{}]\n", finding.clause);
  text += "tags: [regression]\n";
  text +=
      fmt::format("roles: {{target: {{shelf: {}, slot: {}, size: {}, fill: zero{}}}}}\n",
                  shown.device.shelf, shown.device.slot, size_text(sectors * sector_size), target);
  if (mtu > mtu_of(0)) text += fmt::format("given: {{mtu: {}}}\n", mtu);
  return text;
}

Ending play_draft(const std::string& yaml, std::uint64_t seed, bool at_target,
                  const MakeMutant& mutant) {
  auto scenario = parse_scenario(yaml, "import");
  if (!scenario) return {};
  if (mutant)
    scenario->mutant =
        MutantSpec{.node = at_target ? target_node : initiator_node, .behaviour = "", .mark = {}};
  Ledger ledger(SimWorld::origin);
  Parties parties(ledger, *scenario);
  FaultStage stage(ledger, parties, {}, seed, scenario->network);
  SimWorld world(*scenario, stage, parties, seed, mutant);
  const Verdict verdict = play_scenario(*scenario, world, ledger, parties, seed);
  Ending ending{.passed = verdict.outcome == Outcome::passed,
                .failed = verdict.outcome == Outcome::failed};
  for (const Finding& failure : verdict.failures) ending.rules.push_back(failure.rule);
  if (!verdict.failures.empty())
    ending.line = static_cast<unsigned>(verdict.failures.front().mark.line);
  return ending;
}

}  // namespace aoe::harness
