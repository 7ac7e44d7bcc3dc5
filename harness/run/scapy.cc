#include "harness/run/scapy.h"

#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "harness/run/scratch_folder.h"
#include "harness/world/process.h"

namespace aoe::harness {
namespace {

struct Results {
  bool passed = false;                // as the program says
  std::string unsupported;            // what it needs and is not there; empty: nothing
  std::vector<std::string> failures;  // as the script reports them, or how it ended
  std::vector<std::string> measured;  // "odd frames 200"
};

std::string surroundings(const ScapyStep& step, const Scenario& scenario, const World& world,
                         const std::string& results) {
  const Network& network = scenario.network;
  const PortIndex here = network.nodes[step.by].ports.front();
  const PortIndex there = network.nodes[network.first_device().node].ports.front();
  const nlohmann::json given{{"interface", "eth0"},
                             {"initiator", fmt::format("{}", world.link(here).mac)},
                             {"target", fmt::format("{}", world.link(there).mac)},
                             {"shelf", scenario.lun().address.shelf},
                             {"slot", scenario.lun().address.slot},
                             {"mtu", scenario.given.mtu},
                             {"results", results}};
  return given.dump();
}

std::string as_text(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Reads what the script has reported; lines that are no objects are passed over.
void read_results(const std::string& path, Results& result) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto line_of = nlohmann::json::parse(line, nullptr, false);
    if (!line_of.is_object()) continue;
    if (line_of.contains("passed")) result.passed = true;
    if (line_of.contains("unsupported")) result.unsupported = as_text(line_of["unsupported"]);
    if (line_of.contains("failed")) result.failures.push_back(as_text(line_of["failed"]));
    if (line_of.contains("measured") && line_of.contains("value")) {
      result.measured.push_back(fmt::format(
          "{} {}{}", as_text(line_of["measured"]), as_text(line_of["value"]),
          line_of.contains("unit") ? fmt::format(" {}", as_text(line_of["unit"])) : ""));
    }
  }
}

/// Starts the program and lets the world's time pass until it has ended.
Results run_scapy(const ScapyStep& step, const Scenario& scenario, World& world,
                  const NetworkNamespace& place) {
  Results results;
  const auto failed = [&](std::string how) {
    results.failures.push_back(std::move(how));
    return results;
  };
  const ScratchFolder scratch("aoe-scapy");
  if (scratch.path().empty()) return failed("no folder for its results can be made");
  const std::string file = scratch.path() + "/results";
  const auto log = ProgramLog::create(scratch.path() + "/log");
  if (!log) return failed(log.error());
  std::vector<std::string> command{"/usr/bin/python3", step.script,
                                   surroundings(step, scenario, world, file)};
  command.insert(command.end(), step.arguments.begin(), step.arguments.end());
  const auto started = [&] {
    const NetworkNamespace::Visit inside(place);
    return Process::start(command, **log);
  }();
  if (!started) return failed(started.error());
  Process& process = **started;
  const bool ended =
      world.run_until([&] { return !process.is_running(); }, world.now() + step.within);
  read_results(file, results);
  if (!ended) return failed(fmt::format("it did not end within {}", describe(step.within)));
  if (!results.passed && results.failures.empty() && results.unsupported.empty())
    return failed(fmt::format("it {}: {}", process.end(), (*log)->last_lines(1)));
  return results;
}

}  // namespace

StepResult play(RunState& run, const ScapyStep& step) {
  const NetworkNamespace* const place = run.world.place_of(step.by);
  if (place == nullptr) return Unsupported{"a scapy step needs real interfaces"};
  const Results results = run_scapy(step, run.scenario, run.world, *place);
  if (!results.unsupported.empty()) return Unsupported{results.unsupported};
  run.notes.insert(run.notes.end(), results.measured.begin(), results.measured.end());
  if ((results.passed && results.failures.empty()) == step.success) return Passed{};
  return run.fail(
      fmt::format("{} {}", step.script, step.success ? "passes" : "fails"),
      step.success ? fmt::format("{}", fmt::join(results.failures, "; ")) : "it passed");
}

}  // namespace aoe::harness
