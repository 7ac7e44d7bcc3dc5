// Daemon: its LUNs, from their definitions to what is served.

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "proto/codes.h"
#include "target/admin/command_line.h"
#include "target/admin/daemon.h"
#include "target/admin/disk_work.h"
#include "target/store/open_store.h"

namespace aoe::target {
namespace {

/// Changes that a reload has a worker make at a time, between which it serves: handing each one over
/// by itself takes longer than most changes do.
constexpr std::size_t changes_per_turn = 32;

/// A store, which image it is of, and what was set for an earlier one.
struct OpenedImage {
  OpenedStore store;
  ImageIdentity identity;
  std::vector<ImageUse> uses;           // with the overlay that was made, perhaps
  std::optional<ImageIdentity> former;  // of what was served at this address before
  std::optional<LunState> state;        // loaded
  bool is_other;                        // than the former
};

/// Opens the image of a LUN. `former`: what was served at its address. `state`: loads what was set there
/// from these files, once the image is locked: until then another target may change it.
tl::expected<OpenedImage, std::string> open_image(const LunDefinition& lun,
                                                  std::optional<ImageIdentity> former,
                                                  const std::optional<StateFiles>& state,
                                                  Worker& worker) {
  auto store = open_store(lun.store, worker.queue(), worker.handover());
  if (!store) return tl::unexpected(store.error());
  const ImageIdentity identity = identify(lun.store);
  std::optional<LunState> loaded_state;
  if (state) {
    auto loaded = state->load(lun.address);
    if (!loaded) return tl::unexpected(loaded.error());
    if (*loaded) {
      loaded_state = std::move((*loaded)->state);
      former = std::move((*loaded)->image);
    }
  }
  const bool is_other = former && !is_same_image(*former, identity);
  if (is_other) loaded_state.reset();
  return OpenedImage{*std::move(store),       identity, images_of(lun), std::move(former),
                     std::move(loaded_state), is_other};
}

/// Returns whether nobody has set anything.
bool is_default(const LunState& state) {
  return state.is_default_string && state.mask.empty() && state.reserved.empty();
}

}  // namespace

Worker& Daemon::worker_of(Address address) {
  return *workers_[static_cast<std::size_t>(address.shelf + address.slot) % workers_.size()];
}

std::map<Address, Daemon::Present> Daemon::served() const {
  std::map<Address, Present> served;
  for (const auto& worker : workers_) {
    worker->ask([&] {
      for (const auto& [address, lun] : worker->service().luns()) {
        served.emplace(
            address, Present{lun->definition, lun->images, lun->image, lun->lun.options().sectors});
      }
    });
  }
  return served;
}

LunChange Daemon::change_to(const LunDefinition& wanted, const Present* present,
                            const ImageLook* look) {
  LunChange change{.kind = LunChange::Kind::add, .definition = wanted};
  if (present == nullptr) return change;
  change.is_redefined = present->definition != wanted;
  if (present->definition.store == wanted.store && look == nullptr) {
    change.kind = LunChange::Kind::change;
    change.images = present->images;
    return change;
  }
  change.kind = LunChange::Kind::replace;
  change.former_image = present->image;
  change.former_sectors = present->sectors;
  if (present->definition.store == wanted.store) {
    change.images = look->images;
    change.found = look->found_other();
  }
  return change;
}

tl::expected<Daemon::Prepared, std::string> Daemon::prepare(
    const std::vector<LunDefinition>& luns, const std::map<Address, Present>& served,
    const ImageLooks& looks) {
  Prepared prepared;
  std::set<Address> wanted_addresses;
  for (const LunDefinition& wanted : luns) wanted_addresses.insert(wanted.address);
  for (const auto& [address, present] : served) {
    if (!wanted_addresses.contains(address)) {
      prepared.changes.push_back(
          {.kind = LunChange::Kind::remove, .definition = present.definition});
    }
  }
  std::vector<LunChange> changes;
  std::vector<DiskWork<std::vector<ImageUse>>> to_look_at;
  for (const LunDefinition& wanted : luns) {
    const auto present = served.find(wanted.address);
    const auto look = looks.find(wanted.address);
    changes.push_back(change_to(wanted, present == served.end() ? nullptr : &present->second,
                                look == looks.end() ? nullptr : &look->second));
    if (!changes.back().opens_image() || changes.back().found) continue;
    to_look_at.push_back({wanted.store.path, [wanted] { return images_of(wanted); }});
  }
  auto looked_at = do_in_time(std::move(to_look_at), patience);
  auto new_images = looked_at.begin();
  std::vector<ImageUse> images;
  for (LunChange& change : changes) {
    if (change.opens_image() && !change.found) {
      auto used = std::move(*new_images++);
      if (!used) {
        prepared.failures.push_back({change.definition, used.error()});
        continue;
      }
      change.images = *std::move(used);
    }
    images.insert(images.end(), change.images.begin(), change.images.end());
    if (change.opens_image() || change.is_redefined) prepared.changes.push_back(std::move(change));
  }
  if (const auto conflicts = find_conflicts(images, definition_.capture); !conflicts.empty()) {
    return tl::unexpected(conflicts.front().text);
  }
  open_files(prepared);
  return prepared;
}

/// Opens the images of the changes, and loads the state that these need. Those that fail are failures.
void Daemon::open_files(Prepared& prepared) {
  std::vector<DiskWork<OpenedImage>> to_open;
  for (const LunChange& change : prepared.changes) {
    if (!change.opens_image()) continue;
    const LunDefinition& wanted = change.definition;
    std::optional<StateFiles> state;
    if (change.kind == LunChange::Kind::add && state_) state = *state_;
    to_open.push_back({wanted.store.path, [wanted, state, former = change.former_image,
                                           worker = &worker_of(wanted.address)] {
                         return open_image(wanted, former, state, *worker);
                       }});
  }
  auto opened = do_in_time(std::move(to_open), patience);
  auto next = opened.begin();
  for (LunChange& change : std::exchange(prepared.changes, {})) {
    if (change.opens_image()) {
      auto image = std::move(*next++);
      if (!image) {
        prepared.failures.push_back({change.definition, image.error()});
        continue;
      }
      change.store = std::move(image->store);
      change.image = std::move(image->identity);
      change.images = std::move(image->uses);
      change.former_image = std::move(image->former);
      change.state = std::move(image->state);
      change.is_other_image = image->is_other;
    }
    prepared.changes.push_back(std::move(change));
  }
}

std::vector<LogLine> Daemon::take_state(const LunChange& change) const {
  std::vector<LogLine> lines;
  const Address lun = change.definition.address;
  if (change.is_other_image && state_) {
    const auto aside = state_->set_aside(lun);
    if (!aside) {
      lines.push_back(
          {LogLevel::error,
           fmt::format("{}: setting aside the state of another image: {}", lun, aside.error())});
    } else if (*aside) {
      lines.push_back(
          {LogLevel::warning,
           fmt::format(
               "{}: what clients set for {} is not taken for {}, and is kept in {}; to take "
               "it all the same, end the target, delete the line 'image' there and rename "
               "the file to {}",
               lun, change.former_image->path, change.image.path, **aside, state_->path(lun))});
    }
  }
  if (!change.state) return lines;
  const auto add = [&](std::string_view what, const std::vector<Mac>& macs) {
    if (macs.empty()) return;
    lines.push_back(
        {LogLevel::info, fmt::format("{}: {} of {} address{}, from {}", lun, what, macs.size(),
                                     macs.size() == 1 ? "" : "es", state_->path(lun))});
  };
  add("mask", change.state->mask);
  add("reservation", change.state->reserved);
  return lines;
}

/// First out, then in: an image that moves to another address is not served at both, and what its former
/// LUN has under way is waited for.
void Daemon::apply(std::vector<LunChange> changes) {
  for_each_on_its_worker(changes, &Daemon::withdraw);
  for_each_on_its_worker(changes,
                         [this](LunChange& change, Worker& worker) { introduce(change, worker); });
}

void Daemon::for_each_on_its_worker(std::vector<LunChange>& changes,
                                    const std::function<void(LunChange&, Worker&)>& task) {
  std::map<Worker*, std::vector<LunChange*>> of_worker;
  for (LunChange& change : changes) {
    of_worker[&worker_of(change.definition.address)].push_back(&change);
  }
  for (const auto& [worker, its_changes] : of_worker) {
    for (std::span<LunChange* const> left = its_changes; !left.empty();) {
      const auto now = left.first(std::min(left.size(), changes_per_turn));
      left = left.subspan(now.size());
      worker->ask([now, &task, worker = worker] {
        for (LunChange* const change : now) task(*change, *worker);
      });
    }
  }
}

void Daemon::withdraw(LunChange& change, Worker& worker) {
  const bool is_replaced = change.kind == LunChange::Kind::replace;
  if (!is_replaced && change.kind != LunChange::Kind::remove) return;
  const Address address = change.definition.address;
  if (is_replaced && !change.is_other_image) {
    change.state = worker.service().find(address)->lun.state();
  }
  if (change.cuts_image()) {
    worker.service().find(address)->store->cut(sectors_of(*change.store->store) * sector_size);
  }
  worker.remove(address);
}

void Daemon::introduce(LunChange& change, Worker& worker) const {
  if (change.kind == LunChange::Kind::remove) return;
  const Address address = change.definition.address;
  const auto options = [&](std::uint64_t sectors, const StoreTraits& traits) {
    return change.options(sectors, traits, options_.version);
  };
  if (change.kind == LunChange::Kind::change) {
    ServedLun& present = *worker.service().find(address);
    const LunOptions& before = present.lun.options();
    change.image = present.image;
    present.define(change.definition);
    return worker.service().change(options(before.sectors, before.disk));
  }
  const Store& store = *change.store->store;
  auto added = std::make_unique<ServedLun>(options(sectors_of(store), store.traits()),
                                           std::move(change.store->store), change.state);
  added->define(change.definition);
  added->images = std::move(change.images);
  added->store_kind = change.store->kind;
  added->image = change.image;
  worker.add(std::move(added));
  // An image that was moved or enlarged is known by that from now on.
  if (change.state && !is_default(*change.state) && change.former_image != change.image) {
    worker.service().set_state(address, *change.state, [](std::error_code) {});
  }
}

std::vector<std::string> Daemon::carry_out(std::vector<LunChange> changes) {
  std::vector<std::string> lines;
  std::map<Worker*, std::vector<Address>> to_announce;
  for (const auto& worker : workers_) to_announce[worker.get()];
  for (const LunChange& change : changes) {
    const Address address = change.definition.address;
    lines.push_back(fmt::format("{}: {}", address, change.text()));
    for (const LogLine& line : change.store_lines()) options_.log(line.level, line.text);
    for (const LogLine& line : take_state(change)) options_.log(line.level, line.text);
    if (change.kind != LunChange::Kind::remove) to_announce[&worker_of(address)].push_back(address);
    missing_.forget(address);
  }
  apply(std::move(changes));
  for (const auto& entry : to_announce) {
    entry.first->ask([&entry] { entry.first->follow(entry.second); });
  }
  return lines;
}

// LUNs that can't be served now.

void Daemon::note_missing(const std::vector<Failure>& failures) {
  for (const auto& [lun, why] : failures) {
    if (!missing_.note(lun, why, monotonic_now())) continue;
    options_.log(LogLevel::error,
                 fmt::format("{}: {}; it is not served, and tried again", lun.address, why));
  }
  const Instant due = missing_.deadline();
  if (due == never) return;
  missing_timer_.expires_at(std::chrono::steady_clock::time_point(due.time_since_epoch()));
  missing_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) try_missing();
  });
}

void Daemon::try_missing() {
  // Before the others are asked anything: as a rule it is still missing.
  std::vector<Failure> failures;
  std::vector<LunDefinition> wanted;
  for (const LunDefinition& lun : missing_.due(monotonic_now())) {
    std::weak_ptr<const void>& former = looking_[lun.address];
    if (former.lock() != nullptr) {  // a thread still waits for that disk
      failures.push_back({lun, missing_.all().at(lun.address).why});
      continue;
    }
    const auto under_way = std::make_shared<int>();
    former = under_way;
    DiskWork<bool> look{lun.store.path, [lun, under_way]() -> tl::expected<bool, std::string> {
                          if (const auto error = store_error(lun.store))
                            return tl::unexpected(*error);
                          return true;
                        }};
    const auto outcome = do_in_time(std::vector{std::move(look)}, patience);
    if (outcome.front()) {
      wanted.push_back(lun);
    } else {
      failures.push_back({lun, outcome.front().error()});
    }
  }
  if (!wanted.empty()) serve_found(wanted, failures);
  note_missing(failures);
}

/// Serves these beside the others. Those that fail are failures.
void Daemon::serve_found(const std::vector<LunDefinition>& found, std::vector<Failure>& failures) {
  const auto present = served();
  std::vector<LunDefinition> wanted = found;
  for (const auto& [address, lun] : present) wanted.push_back(lun.definition);
  auto prepared = prepare(wanted, present, {});
  if (!prepared) {
    // One of them is in another's way, which is no reason to leave out the rest.
    if (found.size() == 1) return failures.push_back({found.front(), prepared.error()});
    for (const LunDefinition& lun : found) serve_found({lun}, failures);
    return;
  }
  for (Failure& failure : prepared->failures) failures.push_back(std::move(failure));
  for (const std::string& line : carry_out(std::move(prepared->changes))) {
    options_.log(LogLevel::info, line);
  }
}

}  // namespace aoe::target
