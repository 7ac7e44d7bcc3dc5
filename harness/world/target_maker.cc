#include "harness/world/target_maker.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "harness/world/live_engine_target.h"
#include "initiator/client/live_session.h"

namespace aoe::harness {
namespace {

bool needs_faults(const Scenario& scenario, DiskIndex disk) {
  return std::ranges::any_of(scenario.steps, [&](const Step& step) {
    const auto* arm = std::get_if<ArmStep>(&step.what);
    const auto* error = arm == nullptr ? nullptr : std::get_if<DiskErrorSpec>(&arm->fault.kind);
    const auto* slow = arm == nullptr ? nullptr : std::get_if<SlowDiskSpec>(&arm->fault.kind);
    return (error != nullptr && scenario.network.lun(error->device).disk == disk) ||
           (slow != nullptr && scenario.network.lun(slow->device).disk == disk);
  });
}

}  // namespace

TargetMaker::TargetMaker(boost::asio::io_context& loop, const Scenario& scenario,
                         std::uint64_t seed, Player player)
    : loop_(loop),
      scenario_(scenario),
      seed_(seed),
      player_(std::move(player)),
      images_(network().disks.size()) {}

tl::expected<std::unique_ptr<LiveTarget>, std::string> TargetMaker::make(
    NodeIndex node, const ProcessTarget::Place& place) {
  const TargetRole& role = network().nodes[node].target;
  const Implementation* program = player_(node);
  const auto is_shared = [this](const Lun& lun) { return is_of_programs(lun.disk); };
  // An engine has no part in a disk that is a program's file.
  if (program == nullptr && std::ranges::any_of(role.luns, is_shared)) program = &ours_;
  if (program != nullptr) {
    return ProcessTarget::create(
        *program, role, place,
        [this](DiskIndex disk, const std::string& folder) { return image(disk, folder); });
  }
  if (disks_.empty()) disks_ = make_disks(network(), seed_, initiator::monotonic_now);
  std::optional<NetworkNamespace::Visit> inside;
  if (place.where != nullptr) inside.emplace(*place.where);
  return LiveEngineTarget::open(loop_, network(), node, disks_, place.interfaces);
}

bool TargetMaker::is_of_programs(DiskIndex disk) const {
  return std::ranges::any_of(network().all(Node::Role::target), [&](NodeIndex node) {
    const std::vector<Lun>& luns = network().nodes[node].target.luns;
    return player_(node) != nullptr && std::ranges::count(luns, disk, &Lun::disk) > 0;
  });
}

tl::expected<std::shared_ptr<DiskImage>, std::string> TargetMaker::image(
    DiskIndex disk, const std::string& folder) {
  std::shared_ptr<DiskImage>& image = images_[disk];
  if (image == nullptr) {
    auto made = DiskImage::create(network().disks[disk], folder, needs_faults(scenario_, disk));
    if (!made) return tl::unexpected(made.error());
    image = *std::move(made);
  }
  return image;
}

}  // namespace aoe::harness
