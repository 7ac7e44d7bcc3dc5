#include "harness/world/initiator_under_test.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "harness/world/command_initiator.h"
#include "harness/world/process_initiator.h"

namespace aoe::harness {

Placeholders initiator_placeholders(const Scenario& scenario, const Link& link,
                                    const std::string& directory) {
  const Address disk = scenario.target.address;
  return {{"interface", "eth0"},
          {"dir", directory},
          {"device", fmt::format("{}", disk)},
          {"shelf", std::to_string(disk.shelf)},
          {"slot", std::to_string(disk.slot)},
          {"deadsecs", std::to_string(scenario.given.deadsecs.count())},
          {"maxout", std::to_string(scenario.given.maxout)},
          {"mac", fmt::format("{}", link.mac)},
          {"mtu", std::to_string(link.mtu)}};
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
    const Link& link, const NetworkNamespace& where, const std::string& folder,
    std::function<void(Address)> gave_up) {
  if (implementation.use() != Implementation::Use::file) {
    return CommandInitiator::start(loop, implementation, scenario, link, where, folder,
                                   std::move(gave_up));
  }
  const NetworkNamespace::Visit inside(where);
  return ProcessInitiator::start(loop, implementation, scenario, link, folder, std::move(gave_up));
}

}  // namespace aoe::harness
