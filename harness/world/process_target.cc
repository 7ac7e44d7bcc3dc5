#include "harness/world/process_target.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace aoe::harness {

tl::expected<std::unique_ptr<ProcessTarget>, std::string> ProcessTarget::create(
    const Implementation& implementation, const TargetRole& role, const Place& place,
    const Images& images) {
  std::unique_ptr<ProcessTarget> target(new ProcessTarget(implementation, place.where));
  for (std::size_t i = 0; i < role.luns.size(); ++i) {
    const std::string folder = i == 0 ? place.folder : fmt::format("{}/lun{}", place.folder, i + 1);
    auto lun = target->make_lun(role.luns[i], place, folder, images);
    if (!lun) return tl::unexpected(lun.error());
    target->luns_.push_back(*std::move(lun));
  }
  return target;
}

tl::expected<ProcessTarget::Served, std::string> ProcessTarget::make_lun(
    const Lun& lun, const Place& place, const std::string& given_folder,
    const Images& images) const {
  std::error_code error;
  // The program may work in another folder.
  const std::string folder = std::filesystem::absolute(given_folder, error).lexically_normal();
  std::filesystem::create_directories(folder, error);
  if (error) return tl::unexpected(fmt::format("{}: {}", folder, error.message()));
  auto image = images(lun.disk, folder);
  if (!image) return tl::unexpected(image.error());
  // What clients set is kept beside the disk, for each target that serves it.
  Served served{.log = {},
                .state = std::filesystem::path((*image)->path()).parent_path() / "state"};
  served.image = *std::move(image);
  const bool keeps_state = implementation_.command.find("{state}") != std::string::npos;
  if (keeps_state) std::filesystem::create_directories(served.state, error);
  if (error) return tl::unexpected(fmt::format("{}: {}", served.state, error.message()));
  auto log = ProgramLog::create(fmt::format("{}/{}", folder, place.log));
  if (!log) return tl::unexpected(log.error());
  served.log = *std::move(log);
  auto command = expand(implementation_.command,
                        {{"shelf", std::to_string(lun.address.shelf)},
                         {"slot", std::to_string(lun.address.slot)},
                         {"interface", fmt::format("{}", fmt::join(place.interfaces, ","))},
                         {"image", served.image->path()},
                         {"buffers", std::to_string(lun.buffers)},
                         {"mac", fmt::format("{}", place.link.mac)},
                         {"mtu", std::to_string(place.link.mtu)},
                         {"state", served.state}});
  if (!command) return tl::unexpected(command.error());
  if (command->empty()) return tl::unexpected(std::string("no command for the target"));
  served.command = *std::move(command);
  served.command[0] = find_program(served.command[0]);
  return served;
}

ProcessTarget::~ProcessTarget() {
  for (Served& lun : luns_) {
    lun.process.reset();
    ::rmdir(lun.state.c_str());  // what was kept there is evidence, and stays
  }
}

tl::expected<void, std::string> ProcessTarget::begin() {
  std::optional<NetworkNamespace::Visit> inside;
  if (where_ != nullptr) inside.emplace(*where_);
  for (Served& lun : luns_) {
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

const ProcessTarget::Served* ProcessTarget::first_ended() const {
  const auto ended = std::ranges::find_if(luns_, [](const Served& lun) {
    return lun.process != nullptr && !lun.process->is_running();
  });
  return ended == luns_.end() ? nullptr : &*ended;
}

Control ProcessTarget::able(const std::string& fault) const {
  const auto found = implementation_.cannot.find(fault);
  if (found == implementation_.cannot.end()) return {};
  return tl::unexpected(Unsupported{fmt::format("{}: {}", implementation_.name, found->second)});
}

Control ProcessTarget::pause(bool paused) {
  if (auto it_is = able("pause"); !it_is) return it_is;
  for (Served& lun : luns_) {
    if (lun.process != nullptr) lun.process->pause(paused);
  }
  return {};
}

Control ProcessTarget::kill() {
  if (auto it_is = able("kill"); !it_is) return it_is;
  for (Served& lun : luns_) {
    if (lun.process != nullptr && lun.process->is_running()) lun.process->kill();
    lun.process.reset();
  }
  return {};
}

Control ProcessTarget::stop() {
  for (Served& lun : luns_) lun.process.reset();
  return {};
}

Control ProcessTarget::set_disk_faults(std::size_t lun, const std::optional<DiskFaults>& faults) {
  if (auto it_is = able("disk-error"); !it_is) return it_is;
  return luns_[lun].image->set_faults(faults);
}

Control ProcessTarget::read_store(std::size_t lun, std::uint64_t offset, MutableBytes into) {
  if (luns_[lun].image->read(offset, into)) return {};
  return tl::unexpected(Unsupported{"the target's image can't be read"});
}

}  // namespace aoe::harness
