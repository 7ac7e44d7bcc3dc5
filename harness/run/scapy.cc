#include "harness/run/scapy.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/world/process.h"

namespace aoe::harness {
namespace {

namespace fs = std::filesystem;

/// A folder that is gone with its files when this is.
class Scratch {
 public:
  Scratch() {
    std::string name = (fs::temp_directory_path() / "aoe-scapy-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  bool exists() const { return !path_.empty(); }
  std::string path(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

std::string surroundings(const Scenario& scenario, const World& world, const std::string& results) {
  const nlohmann::json given{{"interface", "eth0"},
                             {"initiator", fmt::format("{}", world.link(End::initiator).mac)},
                             {"target", fmt::format("{}", world.link(End::target).mac)},
                             {"shelf", scenario.target.address.shelf},
                             {"slot", scenario.target.address.slot},
                             {"mtu", scenario.given.mtu},
                             {"results", results}};
  return given.dump();
}

std::string as_text(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Reads what the script has reported; lines that are no objects are passed over.
void read_results(const std::string& path, ScapyResult& result) {
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

}  // namespace

ScapyResult run_scapy(const ScapyStep& step, const Scenario& scenario, World& world) {
  ScapyResult result;
  const NetworkNamespace* const place = world.place_of_initiator();
  if (place == nullptr) {
    result.unsupported = "a scapy step needs real interfaces";
    return result;
  }
  const Scratch scratch;
  if (!scratch.exists()) {
    result.failures.emplace_back("no folder for its results can be made");
    return result;
  }
  const std::string results = scratch.path("results");
  const std::string log = scratch.path("log");
  std::vector<std::string> command{"/usr/bin/python3", step.script,
                                   surroundings(scenario, world, results)};
  command.insert(command.end(), step.arguments.begin(), step.arguments.end());
  const auto started = [&] {
    const NetworkNamespace::Visit inside(*place);
    return Process::start(command, log);
  }();
  if (!started) {
    result.failures.push_back(started.error());
    return result;
  }
  Process& process = **started;
  const bool ended =
      world.run_until([&] { return !process.is_running(); }, world.now() + step.within);
  read_results(results, result);
  if (!ended) {
    result.failures.push_back(fmt::format("it did not end within {}", describe(step.within)));
  } else if (!result.passed && result.failures.empty() && result.unsupported.empty()) {
    result.failures.push_back(fmt::format("it {}: {}", process.end(), last_line(log)));
  }
  result.passed = result.passed && result.failures.empty();
  return result;
}

}  // namespace aoe::harness
