#include "harness/world/initiator_under_test.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/world/command_initiator.h"
#include "harness/world/process_initiator.h"

namespace aoe::harness {

Placeholders initiator_placeholders(const Scenario& scenario, Address device,
                                    const InitiatorPlace& place, const std::string& directory) {
  return {{"interface", fmt::format("{}", fmt::join(place.interfaces, ","))},
          {"dir", directory},
          {"device", fmt::format("{}", device)},
          {"shelf", std::to_string(device.shelf)},
          {"slot", std::to_string(device.slot)},
          {"deadsecs", std::to_string(scenario.given.deadsecs.count())},
          {"maxout", std::to_string(scenario.given.maxout)},
          {"mac", fmt::format("{}", place.link.mac)},
          {"mtu", std::to_string(place.link.mtu)}};
}

Device device_of(const Scenario& scenario, NodeIndex node) {
  for (const Step& step : scenario.steps) {
    const auto* io = std::get_if<IoStep>(&step.what);
    if (io != nullptr && io->by == node) return io->to;
  }
  return scenario.network.first_device();
}

tl::expected<std::string, std::string> make_initiator_folder(const std::string& folder) {
  const std::filesystem::path path = folder + "/mnt";
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return tl::unexpected(fmt::format("{}: {}", path.string(), error.message()));
  return std::filesystem::absolute(path).lexically_normal().string();
}

tl::expected<std::unique_ptr<LiveInitiator>, std::string> start_initiator(
    boost::asio::io_context& loop, const Implementation& implementation, const Scenario& scenario,
    NodeIndex node, const InitiatorPlace& place, const NetworkNamespace& where,
    std::function<void(Address)> gave_up) {
  if (implementation.use() != Implementation::Use::file) {
    return CommandInitiator::start(loop, implementation, scenario, node, place, where,
                                   std::move(gave_up));
  }
  const NetworkNamespace::Visit inside(where);
  return ProcessInitiator::start(loop, implementation, scenario, node, place, std::move(gave_up));
}

}  // namespace aoe::harness
