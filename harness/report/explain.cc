#include "harness/report/explain.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "harness/language/clauses.h"
#include "harness/language/step_ladder.h"
#include "harness/report/text.h"

namespace aoe::harness {

std::string list_text(const std::vector<Scenario>& scenarios) {
  std::size_t id_width = 0;
  for (const Scenario& scenario : scenarios) id_width = std::max(id_width, scenario.id.size());
  id_width = std::min<std::size_t>(id_width, 44);
  std::string lines;
  for (const Scenario& scenario : scenarios) {
    lines += fmt::format("{:<{}}  {:<7}  {:<8}  {}\n", scenario.id, id_width,
                         scenario.level ? text(*scenario.level) : "-",
                         fmt::format("{}", fmt::join(scenario.clauses, " ")), scenario.title);
  }
  return lines;
}

std::string list_json(const std::vector<Scenario>& scenarios) {
  auto list = nlohmann::ordered_json::array();
  for (const Scenario& scenario : scenarios) {
    nlohmann::ordered_json item;
    item["id"] = scenario.id;
    item["scenario"] = scenario.name;
    item["title"] = scenario.title;
    if (scenario.level) item["level"] = text(*scenario.level);
    item["clauses"] = scenario.clauses;
    item["tags"] = scenario.tags;
    item["worlds"] = scenario.worlds;
    item["requires"] = scenario.needs;
    item["file"] = scenario.file;
    item["line"] = scenario.mark.line;
    list.push_back(std::move(item));
  }
  return list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

/// A line for each node: "  t1: target on lan, e1.1 (2048 sectors), stands by".
static std::string nodes_of(const Scenario& scenario) {
  const Network& network = scenario.network;
  std::string out = fmt::format("\n  deadsecs {}\n", describe(scenario.given.deadsecs));
  for (const Node& node : network.nodes) {
    std::vector<std::string> segments;
    for (const PortIndex port : node.ports)
      segments.push_back(network.segments[network.ports[port].segment].name);
    out += fmt::format("  {}: {} on {}", node.name, text(node.role), fmt::join(segments, ", "));
    const std::vector<Lun>& luns = node.target.luns;
    if (luns.size() > 3) {
      out += fmt::format(", {} to {}", luns.front().address, luns.back().address);
    } else {
      for (const Lun& lun : luns)
        out += fmt::format(", {} ({} sectors)", lun.address, network.disks[lun.disk].sectors);
    }
    out += node.standby ? ", stands by\n" : "\n";
  }
  return out;
}

std::string explain(const Scenario& scenario) {
  std::string out = fmt::format("{}  {}:{}\n", scenario.id, scenario.file, scenario.mark.line);
  out += wrapped(scenario.title, 2);
  if (!scenario.clauses.empty()) out += "\n";
  for (const std::string& clause : scenario.clauses) {
    const Clause& cited = *clause_catalogue().find(clause);
    out += fmt::format("  {} ({}, binds {})\n", clause, text(cited.level),
                       cited.binds == Clause::Binds::both ? "both ends" : text(cited.binds));
    out += wrapped(cited.rule, 4);
    if (!cited.room.empty()) out += wrapped("Room: " + cited.room, 4);
  }
  out += scenario.network.is_of_two()
             ? fmt::format("\n  target {}, {} sectors, {} buffers; deadsecs {}, MTU {}\n",
                           scenario.lun().address, scenario.disk().sectors, scenario.lun().buffers,
                           describe(scenario.given.deadsecs), scenario.given.mtu)
             : nodes_of(scenario);
  if (!scenario.target().says.is_nothing())
    out += fmt::format("  it says {}\n", scenario.target().says.in_words());
  if (scenario.target().base > 0)
    out += fmt::format("  its sectors begin at lba {}\n", scenario.target().base);
  if (scenario.target().paths > 1)
    out += fmt::format("  it answers at {} addresses\n", scenario.target().paths);
  for (const Step& step : scenario.steps) {
    out += fmt::format("  {:>4}  {}\n", step.mark.line, words(step));
  }
  out += "\n";
  StepLadder ladder;
  for (const Step& step : scenario.steps) draw(step, ladder);
  out += std::move(ladder).text();
  out += fmt::format("\n  aoe-harness run {}\n", scenario.file);
  return out;
}

}  // namespace aoe::harness
