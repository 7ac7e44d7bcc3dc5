// Daemon: what may have changed since the LUNs were opened, in the configuration or at their images.

#include <algorithm>
#include <chrono>
#include <future>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "target/admin/daemon.h"
#include "target/admin/disk_work.h"
#include "target/admin/image_look.h"

namespace aoe::target {
namespace {

/// How long a look at the images on one disk may take: the LUNs are served in any case.
constexpr std::chrono::seconds look_patience{3};

constexpr const char* served_on = "it is served on as it was opened";
constexpr const char* overlay_stays =
    "an overlay stays with what it has open until its LUN is taken out and added again";

}  // namespace

bool Daemon::settle_state() {
  for (const auto& worker : workers_) worker->ask([] {});
  const auto done = std::make_shared<std::promise<void>>();
  background_->post([done] { done->set_value(); });
  return done->get_future().wait_for(patience) == std::future_status::ready;
}

tl::expected<std::vector<std::string>, std::string> Daemon::reload() {
  if (!options_.configuration) {
    return tl::unexpected(std::string("started from a command line: there is no file to read"));
  }
  const auto wanted = options_.configuration->read();
  if (!wanted) return tl::unexpected(wanted.error());
  // A LUN that is added again loads its state, which must be complete.
  if (!settle_state()) {
    return tl::unexpected(fmt::format("{}: does not answer", definition_.state_folder));
  }
  const auto present = served();
  std::vector<std::string> kept;
  const ImageLooks looks = find_other_images(wanted->luns, present, kept);
  auto lines = become(*wanted, present, looks);
  if (!lines) return lines;
  std::ranges::move(kept, std::back_inserter(*lines));
  const auto note = [&](const char* key, bool differs) {
    if (differs) lines->push_back(fmt::format("{}: takes effect at the next start", key));
  };
  note("state", wanted->state_folder != definition_.state_folder);
  note("control", wanted->control != definition_.control);
  note("workers", wanted->workers != definition_.workers);
  note("busy-poll", wanted->busy_poll != definition_.busy_poll);
  note("wildcards", wanted->wildcards != definition_.wildcards);
  note("request-memory", wanted->request_memory != definition_.request_memory);
  note("metrics", wanted->metrics != definition_.metrics);
  note("mtu", wanted->mtu_limits != definition_.mtu_limits);
  note("capture", wanted->capture != definition_.capture);
  return lines;
}

tl::expected<std::vector<std::string>, std::string> Daemon::become(
    const TargetDefinition& wanted, const std::map<Address, Present>& served,
    const ImageLooks& looks) {
  LunRoles roles = roles_;
  roles.follow(wanted.luns);
  const std::vector<LunDefinition> active = roles.active();
  auto prepared = prepare(active, served, looks);
  if (!prepared) return tl::unexpected(prepared.error());
  for (const auto& [lun, why] : prepared->failures) {
    if (!missing_.contains(lun)) return tl::unexpected(fmt::format("{}: {}", lun.address, why));
  }
  for (LunChange& change : prepared->changes) {
    const Address lun = change.definition.address;
    change.changes_role = roles_.stands_by(lun) || roles.stands_by(lun);
  }
  const std::vector<std::string> of_standby = roles.changes_since(roles_);
  roles_ = std::move(roles);
  keep_ports_open();
  missing_.follow(active);
  note_missing(prepared->failures);
  std::vector<std::string> lines = carry_out(std::move(prepared->changes));
  std::ranges::copy(of_standby, std::back_inserter(lines));
  if (wanted.client_limits != definition_.client_limits) {
    definition_.client_limits = wanted.client_limits;
    for (const auto& worker : workers_) {
      worker->ask([&] { worker->service().limit_clients(wanted.client_limits); });
    }
    lines.emplace_back("client-limits: changed");
  }
  options_.configuration->commit();
  return lines;
}

tl::expected<std::vector<std::string>, std::string> Daemon::reload_and_log() {
  auto changes = reload();
  if (changes) {
    for (const std::string& line : *changes) options_.log(LogLevel::info, line);
    options_.log(LogLevel::info,
                 fmt::format("configuration read again: {} changes", changes->size()));
  } else {
    options_.log(LogLevel::error, fmt::format("{}; nothing was changed", changes.error()));
  }
  return changes;
}

std::string Daemon::why_not_edited(const ControlRequest& request) const {
  const Address lun = request.lun;
  if (!options_.configuration) return "started from a command line: its LUN stays as it is";
  const bool is_there = roles_.find(lun) != nullptr;
  if (request.command == ControlCommand::add && is_there) {
    return fmt::format("{0}: is there already; aoe-target ctl set {0} changes it", lun);
  }
  if (request.command != ControlCommand::add && !is_there) return why_not_served(lun);
  return request.save ? options_.configuration->why_not_saved(lun) : "";
}

std::string Daemon::edit_lun(const ControlRequest& request) {
  const Address lun = request.lun;
  if (const std::string why = why_not_edited(request); !why.empty()) return error_reply(why);
  const LunEdit edit{request.command == ControlCommand::remove,
                     request.command == ControlCommand::add, request.values};
  const auto wanted = options_.configuration->edit(lun, edit);
  if (!wanted) return error_reply(fmt::format("{}: {}", lun, wanted.error()));
  if (!settle_state()) {
    return error_reply(fmt::format("{}: does not answer", definition_.state_folder));
  }
  auto lines = become(*wanted, served(), {});
  if (!lines) return error_reply(lines.error());
  if (request.save) {
    const auto saved = options_.configuration->save(lun);
    if (!saved) {
      return error_reply(
          fmt::format("{}: in use until the next reload, and not saved: {}", lun, saved.error()));
    }
    lines->push_back(fmt::format("{}: saved in {}", lun, *saved));
  }
  for (const std::string& line : *lines) options_.log(LogLevel::info, line);
  return reload_reply(*lines);
}

/// Images on one disk are looked at together, so that a disk that does not answer is waited for once.
ImageLooks Daemon::look_at(const std::map<Address, Present>& luns) {
  std::map<std::string_view, std::vector<Present>> on_disk;
  for (const auto& [address, lun] : luns) {
    on_disk[lun.images.empty() ? "" : disk_of(lun.images.front())].push_back(lun);
  }
  std::vector<DiskWork<std::vector<ImageLook>>> work;
  work.reserve(on_disk.size());
  for (const auto& [disk, its_luns] : on_disk) {
    work.push_back({its_luns.front().definition.store.path, [its_luns = its_luns] {
                      std::vector<ImageLook> looks;
                      looks.reserve(its_luns.size());
                      for (const Present& lun : its_luns) {
                        looks.push_back(look_at_images(lun.definition, lun.images));
                      }
                      return looks;
                    }});
  }
  const auto outcomes = do_in_time(std::move(work), look_patience);
  ImageLooks looks;
  auto outcome = outcomes.begin();
  for (const auto& [disk, its_luns] : on_disk) {
    for (std::size_t i = 0; i < its_luns.size(); ++i) {
      looks[its_luns[i].definition.address] =
          *outcome ? (**outcome)[i] : ImageLook{ImageLook::Found::unusable, {}, outcome->error()};
    }
    ++outcome;
  }
  return looks;
}

ImageLooks Daemon::find_other_images(const std::vector<LunDefinition>& wanted,
                                     const std::map<Address, Present>& served,
                                     std::vector<std::string>& kept) {
  std::map<Address, Present> staying;
  for (const LunDefinition& lun : wanted) {
    const auto found = served.find(lun.address);
    if (found != served.end() && found->second.definition.store == lun.store) {
      staying.insert(*found);
    }
  }
  ImageLooks looks = look_at(staying);
  std::erase_if(looks, [&](const auto& entry) {
    const auto& [address, look] = entry;
    if (look.found == ImageLook::Found::same) return true;
    const bool is_unusable = look.found == ImageLook::Found::unusable;
    const bool has_overlay = !staying.at(address).definition.store.overlay.empty();
    if (!is_unusable && !has_overlay) return false;
    kept.push_back(
        fmt::format("{}: {}; {}", address, look.text, is_unusable ? served_on : overlay_stays));
    return true;
  });
  return looks;
}

tl::expected<ImageLook, std::string> Daemon::look_for(ControlCommand command, const Present& lun) {
  const Address address = lun.definition.address;
  const StoreDefinition& store = lun.definition.store;
  const bool resizes = command == ControlCommand::resize;
  const auto fail = [](std::string why) { return tl::unexpected(std::move(why)); };
  if (resizes && !store.is_file()) return fail(store.path + ": neither a file nor a block device");
  if (!resizes && store.path.starts_with("memory:")) {
    return fail(store.path + ": its content would be lost");
  }
  if (!resizes && !store.overlay.empty()) return fail(overlay_stays);
  ImageLook look = look_at({{address, lun}}).at(address);
  switch (look.found) {
    case ImageLook::Found::same: return look;
    case ImageLook::Found::unusable: return fail(fmt::format("{}; {}", look.text, served_on));
    case ImageLook::Found::resized:
      if (!store.overlay.empty()) return fail(fmt::format("{}; {}", look.text, overlay_stays));
      return look;
    case ImageLook::Found::other:
      if (!resizes) return look;
      return fail(fmt::format("{}; aoe-target ctl reopen {} serves it", look.text, address));
  }
  AOE_CHECK(false && "a look without a result");
}

std::string Daemon::resize_or_reopen(const ControlRequest& request) {
  const auto present = served();
  const auto found = present.find(request.lun);
  if (found == present.end()) return error_reply(why_not_served(request.lun));
  const auto look = look_for(request.command, found->second);
  if (!look) return error_reply(fmt::format("{}: {}", request.lun, look.error()));
  const std::uint64_t before = found->second.sectors;
  if (request.command == ControlCommand::resize && look->found == ImageLook::Found::same) {
    return size_reply(request.lun, fmt::format("{} sectors, as before", before), before, before);
  }
  // The state of another image is set aside, and must be complete.
  if (!settle_state()) {
    return error_reply(fmt::format("{}: does not answer", definition_.state_folder));
  }
  std::vector<LunDefinition> luns;
  luns.reserve(present.size());
  for (const auto& [address, lun] : present) luns.push_back(lun.definition);
  auto prepared = prepare(luns, present, {{request.lun, *look}});
  if (!prepared) return error_reply(prepared.error());
  if (!prepared->failures.empty()) {
    const std::string& why = prepared->failures.front().why;
    return error_reply(fmt::format("{}: {}; {}", request.lun, why, served_on));
  }
  const LunChange& change = prepared->changes.front();
  const std::string text = change.text();
  const std::uint64_t now = sectors_of(*change.store->store);
  for (const std::string& line : carry_out(std::move(prepared->changes))) {
    options_.log(LogLevel::info, line);
  }
  return size_reply(request.lun, text, before, now);
}

}  // namespace aoe::target
