#include "harness/world/process_target.h"

#include <unistd.h>

#include <filesystem>

#include <fmt/format.h>

namespace aoe::harness {

tl::expected<std::unique_ptr<ProcessTarget>, std::string> ProcessTarget::create(
    const Implementation& implementation, const TargetRole& role, const Link& link,
    const NetworkNamespace& where, const std::string& folder, bool with_disk_faults) {
  std::unique_ptr<ProcessTarget> target(new ProcessTarget(implementation, where, folder));
  auto image = DiskImage::create(role, folder, with_disk_faults);
  if (!image) return tl::unexpected(image.error());
  target->image_ = *std::move(image);
  const std::string& state = target->state_;
  if (implementation.command.find("{state}") != std::string::npos) {
    std::error_code error;
    std::filesystem::create_directories(state, error);
    if (error) return tl::unexpected(fmt::format("{}: {}", state, error.message()));
  }
  auto command = expand(implementation.command, {{"shelf", std::to_string(role.address.shelf)},
                                                 {"slot", std::to_string(role.address.slot)},
                                                 {"interface", "eth0"},
                                                 {"image", target->image_->path()},
                                                 {"buffers", std::to_string(role.buffers)},
                                                 {"mac", fmt::format("{}", link.mac)},
                                                 {"mtu", std::to_string(link.mtu)},
                                                 {"state", state}});
  if (!command) return tl::unexpected(command.error());
  if (command->empty()) return tl::unexpected(std::string("no command for the target"));
  target->command_ = *std::move(command);
  target->command_[0] = find_program(target->command_[0]);
  return target;
}

ProcessTarget::~ProcessTarget() {
  process_.reset();
  ::rmdir(state_.c_str());  // what was kept there is evidence, and stays
}

tl::expected<void, std::string> ProcessTarget::start() {
  if (process_ != nullptr) return {};
  const NetworkNamespace::Visit inside(where_);
  auto started = Process::start(command_, log_);
  if (!started) return tl::unexpected(started.error());
  process_ = *std::move(started);
  return {};
}

std::string ProcessTarget::broken() {
  if (process_ == nullptr || process_->is_running()) return {};
  return fmt::format("{}; it said: {}", process_->end(), last_line(log_));
}

Control ProcessTarget::able(const std::string& fault) const {
  const auto found = implementation_.cannot.find(fault);
  if (found == implementation_.cannot.end()) return {};
  return tl::unexpected(Unsupported{fmt::format("{}: {}", implementation_.name, found->second)});
}

Control ProcessTarget::pause(bool paused) {
  if (auto it_is = able("pause"); !it_is) return it_is;
  if (process_ != nullptr) process_->pause(paused);
  return {};
}

Control ProcessTarget::kill() {
  if (auto it_is = able("kill"); !it_is) return it_is;
  if (process_ != nullptr && process_->is_running()) process_->kill();
  process_.reset();
  return {};
}

Control ProcessTarget::set_disk_faults(const std::optional<DiskFaults>& faults) {
  if (auto it_is = able("disk-error"); !it_is) return it_is;
  return image_->set_faults(faults);
}

Control ProcessTarget::read_store(std::uint64_t offset, MutableBytes into) {
  if (image_->read(offset, into)) return {};
  return tl::unexpected(Unsupported{"the target's image can't be read"});
}

}  // namespace aoe::harness
