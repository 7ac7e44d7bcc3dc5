#include "initiator/cli/sancheck.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "initiator/cli/commands.h"
#include "initiator/cli/path_probe.h"

namespace aoe::initiator {
namespace {

using boost::system::error_code;
using nlohmann::ordered_json;

std::string name(const PathCheck& check) {
  return fmt::format("{} by {} to {}", check.device, check.path.interface, check.path.mac);
}

void judge_path(const PathCheck& check, std::vector<Finding>& out) {
  const std::string path = name(check);
  const auto fault = [&](const std::string& text) { out.push_back({true, path + ": " + text}); };
  if (check.small.answered == 0) return fault("does not answer");
  if (check.small.lost() > 0) {
    fault(fmt::format("{} of {} small frames lost", check.small.lost(), check.small.asked));
  }
  const auto judge_large = [&](const ProbeCount& large, std::string_view what,
                               std::optional<unsigned> passes) {
    const std::string_view advice = check.frame_size() > ethernet_header_size + 1500
                                        ? ", though small ones are not: is there a switch or card "
                                          "without jumbo frames?"
                                        : ", though small ones are not";
    if (large.lost() == 0) return;
    if (large.answered == 0) {
      const std::string largest =
          passes ? fmt::format("; {} sectors in a command pass, see --max-sectors", *passes) : "";
      fault(fmt::format("{} of {} bytes are lost{}{}", what, check.frame_size(), advice, largest));
    } else {
      fault(fmt::format("{} of {} {} of {} bytes lost", large.lost(), large.asked, what,
                        check.frame_size()));
    }
  };
  judge_large(check.request, "requests", check.request_passes);
  if (check.refusal.empty()) {
    judge_large(check.answer, "answers", check.answer_passes);
  } else {
    out.push_back({false, fmt::format("{}: reads are refused: {}", path, check.refusal)});
  }
  const unsigned fit = sectors_per_frame(check.path.mtu);
  if (check.sectors() < fit) {
    out.push_back({false, fmt::format("{}: takes {} sectors in a command, though the interface's "
                                      "MTU {} has room for {}",
                                      path, check.sectors(), check.path.mtu, fit)});
  }
}

/// Judges all paths of one device together.
void judge_device(const std::vector<const PathCheck*>& paths, std::vector<Finding>& out) {
  const PathCheck* first = nullptr;  // that was identified
  std::set<Mac> macs;
  bool same_payload = true;
  for (const PathCheck* check : paths) {
    macs.insert(check->path.mac);
    same_payload = same_payload && check->sectors() == paths.front()->sectors();
    if (check->path.standing == "unproven") {
      out.push_back(
          {false, fmt::format("{}: is not used, because neither serial \"{}\" nor content "
                              "shows that it is the same disk as the others",
                              name(*check), check->path.serial)});
    }
    if (!check->identity) continue;
    if (first == nullptr) first = check;
    const Identity& a = *first->identity;
    const Identity& b = *check->identity;
    if (a.serial.view() != b.serial.view() || a.sectors != b.sectors) {
      out.push_back(
          {true, fmt::format("{}: is more than one disk: {} has serial \"{}\" and {} sectors, {} "
                             "has serial \"{}\" and {} sectors",
                             check->device, first->path.mac, a.serial.view(), a.sectors,
                             check->path.mac, b.serial.view(), b.sectors)});
    } else if (check->path.is_foreign()) {
      out.push_back(
          {true, fmt::format("{}: is more than one disk: {} has the same serial \"{}\" "
                             "and size as {}, and another content",
                             check->device, check->path.mac, b.serial.view(), first->path.mac)});
    }
  }
  if (macs.size() > 1) {
    out.push_back({false, fmt::format("{}: answers at {} MAC addresses", paths.front()->device,
                                      macs.size())});
  }
  if (!same_payload) {
    const auto least = *std::ranges::min_element(paths, {}, &PathCheck::sectors);
    out.push_back({false, fmt::format("{}: uses {} sectors in a command on all its paths, because "
                                      "the path by {} to {} takes no more",
                                      least->device, least->sectors(), least->path.interface,
                                      least->path.mac)});
  }
}

double in_milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

ordered_json to_json(const ProbeCount& probe) {
  ordered_json json = {{"asked", probe.asked}, {"answered", probe.answered}};
  if (probe.answered > 0) json["round-trip-ms"] = in_milliseconds(probe.round_trip);
  return json;
}

void print_json(const std::vector<PathCheck>& checks, const std::vector<Finding>& findings) {
  ordered_json paths = ordered_json::array();
  for (const PathCheck& check : checks) {
    ordered_json& path =
        paths.emplace_back(ordered_json{{"device", fmt::format("{}", check.device)},
                                        {"interface", check.path.interface},
                                        {"mac", fmt::format("{}", check.path.mac)},
                                        {"mtu", check.path.mtu},
                                        {"sectors", check.sectors()},
                                        {"small", to_json(check.small)},
                                        {"large-request", to_json(check.request)},
                                        {"large-answer", to_json(check.answer)}});
    if (check.request_passes) path["request-sectors-that-pass"] = *check.request_passes;
    if (check.answer_passes) path["answer-sectors-that-pass"] = *check.answer_passes;
  }
  ordered_json list = ordered_json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"fault", finding.fault}, {"text", finding.text}});
  }
  print({{"paths", paths}, {"findings", list}});
}

std::string shown(const ProbeCount& probe) {
  return fmt::format("{}/{}", probe.answered, probe.asked);
}

void print_table(const std::vector<PathCheck>& checks, const std::vector<Finding>& findings) {
  fmt::print("{:<8} {:<10} {:<17} {:>5} {:>7} {:>7} {:>7} {:>7} {:>8}\n", "device", "interface",
             "mac", "mtu", "sectors", "small", "request", "answer", "ms");
  for (const PathCheck& check : checks) {
    fmt::print("{:<8} {:<10} {} {:>5} {:>7} {:>7} {:>7} {:>7} {:>8.3f}\n",
               fmt::format("{}", check.device), check.path.interface, check.path.mac,
               check.path.mtu, check.sectors(), shown(check.small), shown(check.request),
               shown(check.answer), in_milliseconds(check.small.round_trip));
  }
  for (const Finding& finding : findings) {
    fmt::print("{}: {}\n", finding.fault ? "FAULT" : "note", finding.text);
  }
}

}  // namespace

void ProbeCount::add(const error_code& error, Duration taken) {
  ++asked;
  if (error && completion_of(error).error != IoError::aoe_error) return;
  ++answered;
  if (!error && (round_trip == Duration{} || taken < round_trip)) round_trip = taken;
}

std::uint8_t PathCheck::sectors() const {
  constexpr std::uint8_t old_server = 2;
  return std::min(sectors_per_frame(path.mtu), path.sectors == 0 ? old_server : path.sectors);
}

std::vector<Finding> judge(const std::vector<PathCheck>& checks) {
  std::vector<Finding> findings;
  for (std::size_t first = 0; first < checks.size();) {
    std::vector<const PathCheck*> paths;
    for (const Address device = checks[first].device;
         first < checks.size() && checks[first].device == device; ++first) {
      judge_path(checks[first], findings);
      paths.push_back(&checks[first]);
    }
    judge_device(paths, findings);
  }
  return findings;
}

void sancheck_command(const CommandOptions& options, unsigned count) {
  Connection connection(options);
  connection.gather(Connection::Gather::identify);
  std::vector<PathCheck> checks;
  std::set<std::string> silent;
  for (const InterfaceStatus& interface : connection.client().interfaces()) {
    if (interface.up) silent.insert(interface.name);
  }
  for (const DeviceStatus& device : connection.client().devices()) {
    for (const PathStatus& path : device.paths) {
      silent.erase(path.interface);
      if (sectors_per_frame(path.mtu) > 0) {
        checks.push_back({.device = device.address, .path = path});
      }
    }
  }
  if (checks.empty()) throw connection.nothing_found();
  probe_paths(connection, checks, options.wait, count);

  std::vector<Finding> findings = judge(checks);
  for (const std::string& interface : silent) {
    findings.push_back({false, fmt::format("{}: no target answers on it", interface)});
  }
  if (options.json) {
    print_json(checks, findings);
  } else {
    print_table(checks, findings);
  }
  const auto faults = std::ranges::count_if(findings, &Finding::fault);
  if (faults > 0) throw Failed(fmt::format("faults found: {}", faults));
}

}  // namespace aoe::initiator
