#include "harness/world/process_target.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

namespace aoe::harness {

tl::expected<std::unique_ptr<ProcessTarget>, std::string> ProcessTarget::create(
    const Implementation& implementation, const TargetRole& role, const Link& link,
    const NetworkNamespace& where, const std::string& folder, bool with_disk_faults) {
  std::unique_ptr<ProcessTarget> target(new ProcessTarget(implementation, where));
  for (std::uint8_t i = 0; i < role.luns; ++i) {
    TargetRole one = role;
    one.address.slot = static_cast<std::uint8_t>(role.address.slot + i);
    const std::string place = i == 0 ? folder : fmt::format("{}/lun{}", folder, i + 1);
    auto lun = target->make_lun(one, link, place, with_disk_faults && i == 0);
    if (!lun) return tl::unexpected(lun.error());
    target->luns_.push_back(*std::move(lun));
  }
  return target;
}

tl::expected<ProcessTarget::Lun, std::string> ProcessTarget::make_lun(
    const TargetRole& role, const Link& link, const std::string& given_folder,
    bool with_disk_faults) const {
  std::error_code error;
  // The program may work in another folder.
  const std::string folder = std::filesystem::absolute(given_folder, error).lexically_normal();
  Lun lun{.log = {}, .state = folder + "/state"};
  const bool keeps_state = implementation_.command.find("{state}") != std::string::npos;
  const std::string& needed = keeps_state ? lun.state : folder;
  std::filesystem::create_directories(needed, error);
  if (error) return tl::unexpected(fmt::format("{}: {}", needed, error.message()));
  auto log = ProgramLog::create(folder + "/sut.log");
  if (!log) return tl::unexpected(log.error());
  lun.log = *std::move(log);
  auto image = DiskImage::create(role, folder, with_disk_faults);
  if (!image) return tl::unexpected(image.error());
  lun.image = *std::move(image);
  auto command = expand(implementation_.command, {{"shelf", std::to_string(role.address.shelf)},
                                                  {"slot", std::to_string(role.address.slot)},
                                                  {"interface", "eth0"},
                                                  {"image", lun.image->path()},
                                                  {"buffers", std::to_string(role.buffers)},
                                                  {"mac", fmt::format("{}", link.mac)},
                                                  {"mtu", std::to_string(link.mtu)},
                                                  {"state", lun.state}});
  if (!command) return tl::unexpected(command.error());
  if (command->empty()) return tl::unexpected(std::string("no command for the target"));
  lun.command = *std::move(command);
  lun.command[0] = find_program(lun.command[0]);
  return lun;
}

ProcessTarget::~ProcessTarget() {
  for (Lun& lun : luns_) {
    lun.process.reset();
    ::rmdir(lun.state.c_str());  // what was kept there is evidence, and stays
  }
}

tl::expected<void, std::string> ProcessTarget::start() {
  const NetworkNamespace::Visit inside(where_);
  for (Lun& lun : luns_) {
    if (lun.process != nullptr) continue;
    auto started = Process::start(lun.command, *lun.log);
    if (!started) return tl::unexpected(started.error());
    lun.process = *std::move(started);
  }
  return {};
}

std::string ProcessTarget::end() {
  const auto* const ended = first_ended();
  return ended == nullptr ? std::string() : ended->process->end();
}

std::string ProcessTarget::said(std::size_t lines) const {
  const auto* const ended = first_ended();
  return (ended == nullptr ? luns_.front() : *ended).log->last_lines(lines);
}

const ProcessTarget::Lun* ProcessTarget::first_ended() const {
  const auto ended = std::ranges::find_if(
      luns_, [](const Lun& lun) { return lun.process != nullptr && !lun.process->is_running(); });
  return ended == luns_.end() ? nullptr : &*ended;
}

Control ProcessTarget::able(const std::string& fault) const {
  const auto found = implementation_.cannot.find(fault);
  if (found == implementation_.cannot.end()) return {};
  return tl::unexpected(Unsupported{fmt::format("{}: {}", implementation_.name, found->second)});
}

Control ProcessTarget::pause(bool paused) {
  if (auto it_is = able("pause"); !it_is) return it_is;
  for (Lun& lun : luns_) {
    if (lun.process != nullptr) lun.process->pause(paused);
  }
  return {};
}

Control ProcessTarget::kill() {
  if (auto it_is = able("kill"); !it_is) return it_is;
  for (Lun& lun : luns_) {
    if (lun.process != nullptr && lun.process->is_running()) lun.process->kill();
    lun.process.reset();
  }
  return {};
}

Control ProcessTarget::set_disk_faults(const std::optional<DiskFaults>& faults) {
  if (auto it_is = able("disk-error"); !it_is) return it_is;
  return luns_.front().image->set_faults(faults);
}

Control ProcessTarget::read_store(std::uint64_t offset, MutableBytes into) {
  if (luns_.front().image->read(offset, into)) return {};
  return tl::unexpected(Unsupported{"the target's image can't be read"});
}

}  // namespace aoe::harness
