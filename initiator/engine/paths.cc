#include "initiator/engine/paths.h"

#include <algorithm>
#include <array>

namespace aoe::initiator {
namespace {

constexpr unsigned strikes_max = 2;
constexpr Duration driver_patience = std::chrono::seconds(10);

/// Returns whether it can be forgotten to make room for another.
bool may_give_way(const RemoteTarget& remote) {
  return !remote.is_member() && remote.window.outstanding() == 0;
}

}  // namespace

std::string_view text(Standing standing) {
  constexpr std::array<std::string_view, 4> names{"candidate", "unproven", "member", "foreign"};
  return names.at(static_cast<std::size_t>(standing));
}

Paths::Paths(const Parameters& parameters, const PortTable& ports, IdentifyPace& pace)
    : parameters_(parameters), ports_(ports), pace_(pace), profile_(parameters.profile) {}

std::uint16_t Paths::limit(const RemoteTarget& remote) const {
  return std::min(std::max<std::uint16_t>(remote.offer.buffer_count, 1), parameters_.maxout);
}

std::optional<Paths::Way> Paths::learn(const Mac& mac, const ConfigReply& reply, PortId port,
                                       Instant now) {
  auto remote = std::ranges::find(remotes_, mac, &RemoteTarget::mac);
  if (remote == remotes_.end()) {
    if (remotes_.size() == remotes_max) {
      auto longest_silent = remotes_.end();
      for (auto at = remotes_.begin(); at != remotes_.end(); ++at) {
        if (!may_give_way(*at)) continue;
        if (longest_silent == remotes_.end() || at->heard < longest_silent->heard) {
          longest_silent = at;
        }
      }
      if (longest_silent == remotes_.end()) return std::nullopt;
      remotes_.erase(longest_silent);
    }
    remotes_.push_back({.mac = mac, .rtt = RttEstimator(profile_), .heard = now});
    remote = std::prev(remotes_.end());
  }
  remote->claim = {reply.buffer_count, reply.sector_count};
  if (!remote->is_member()) {
    believe(*remote, remote->claim);
    remote->heard = now;
  }
  auto path = std::ranges::find(remote->paths, port, &Path::port);
  if (path == remote->paths.end()) {
    remote->paths.push_back({.serial = next_serial_++, .port = port});
    path = std::prev(remote->paths.end());
  }
  return Way{&*remote, &*path};
}

void Paths::believe(RemoteTarget& remote, Offer offer) {
  remote.offer = remote.claim = offer;
  remote.heeds_claim = false;
  if (remote.is_member() || remote.window.outstanding() > 0) {
    remote.window.set_limit(limit(remote));
  } else {
    remote.window = Window(limit(remote), profile_);
  }
}

bool Paths::has_member() const {
  return std::ranges::any_of(remotes_, &RemoteTarget::is_member);
}

bool Paths::is_answering() const {
  return std::ranges::any_of(remotes_,
                             [this](const RemoteTarget& remote) { return is_trusted(remote); });
}

void Paths::remove(const Way& way) {
  RemoteTarget& remote = *way.remote;
  const std::uint64_t serial = way.path->serial;
  std::erase_if(remote.paths, [serial](const Path& path) { return path.serial == serial; });
  std::erase_if(remotes_, [](const RemoteTarget& each) { return each.paths.empty(); });
}

void Paths::remove_port(PortId port) {
  for (RemoteTarget& remote : remotes_) {
    std::erase_if(remote.paths, [port](const Path& path) { return path.port == port; });
  }
  std::erase_if(remotes_, [](const RemoteTarget& remote) { return remote.paths.empty(); });
}

void Paths::parameters_changed() {
  const bool measure_again = profile_ != parameters_.profile;
  profile_ = parameters_.profile;
  for (RemoteTarget& remote : remotes_) {
    remote.window.set_limit(limit(remote));
    if (measure_again) remote.rtt = RttEstimator(profile_);
  }
}

std::size_t Paths::agreed(const RemoteTarget& remote, const Path& path) const {
  constexpr std::uint8_t old_server = 2;
  const std::uint8_t offered = remote.offer.sector_count;
  const std::uint8_t accepts = offered == 0 ? old_server : offered;
  const std::size_t fits = std::min<std::size_t>(ports_.sectors(path.port), accepts);
  return parameters_.max_sectors == 0 ? fits : std::min<std::size_t>(fits, parameters_.max_sectors);
}

std::size_t Paths::payload(const RemoteTarget& remote, const Path& path) const {
  const auto limit = static_cast<unsigned>(agreed(remote, path));
  if (path.payloads == nullptr) return limit;
  const auto& [of_reads, of_writes] = *path.payloads;
  return std::min(of_reads.size_within(limit), of_writes.size_within(limit));
}

std::size_t Paths::payload() const {
  std::size_t least = 0;
  for (const RemoteTarget& remote : remotes_) {
    if (!remote.is_member()) continue;
    for (const Path& path : remote.paths) {
      if (!path.proven) continue;
      const std::size_t fits = payload(remote, path);
      if (fits > 0) least = least == 0 ? fits : std::min(least, fits);
    }
  }
  return least;
}

std::size_t Paths::payload_now(const Way& way, IoKind kind) {
  PathPayload& payload = way.path->payload(kind);
  payload.set_limit(static_cast<unsigned>(agreed(*way.remote, *way.path)));
  return payload.size();
}

std::size_t Paths::payload_to_try(const Way& way, IoKind kind, Instant now) {
  payload_now(way, kind);
  return way.path->payload(kind).next(now);
}

bool Paths::is_usable(const RemoteTarget& remote) const {
  return remote.is_member() && !remote.is_suspended() &&
         std::ranges::any_of(remote.paths, [this](const Path& path) { return is_open(path); });
}

bool Paths::is_silent(const RemoteTarget& remote) const {
  return std::ranges::none_of(
      remote.paths, [this](const Path& path) { return !path.is_suspect() && is_open(path); });
}

bool Paths::is_trusted(const RemoteTarget& remote) const {
  return is_usable(remote) && !is_silent(remote);
}

bool Paths::has_room(const RemoteTarget& remote, bool within_window) {
  const std::uint16_t claimed = std::max<std::uint16_t>(remote.claim.buffer_count, 1);
  if (remote.heeds_claim && remote.window.outstanding() >= claimed) return false;
  return within_window ? remote.window.has_room(remote.questions) : remote.window.has_buffer();
}

std::optional<Paths::Way> Paths::choose(bool within_window, Instant now, const Mac* whom,
                                        std::optional<std::uint64_t> avoided) {
  if (whom != nullptr) {
    RemoteTarget* const remote = find_remote(*whom);
    const bool waits = remote != nullptr && remote->is_member() && remote->is_suspended();
    if (waits && !is_silent(*remote)) return std::nullopt;
    if (remote != nullptr && is_trusted(*remote)) {
      if (!has_room(*remote, within_window)) return std::nullopt;
      return Way{&*remote, &next_path(*remote)};
    }
  }
  if (profile_ == Profile::linux_driver) return choose_in_turn(within_window);
  if (remotes_.size() == 1 && remotes_[0].paths.size() == 1) return choose_in_turn(within_window);
  const bool trusted = is_answering();
  std::vector<Way>& ways = ways_;  // kept: nothing is allocated for each command
  ways.clear();
  Duration fastest = Duration::max();
  std::size_t largest = 0;
  for (RemoteTarget& remote : remotes_) {
    if (!is_usable(remote)) continue;
    const bool room = has_room(remote, within_window);
    for (Path& path : remote.paths) {
      if (!is_open(path) || (trusted && path.is_suspect())) continue;
      if (path.speed.is_measured()) fastest = std::min(fastest, path.speed.average());
      largest = std::max(largest, payload(remote, path));
      if (room) ways.push_back({&remote, &path});
    }
  }
  if (ways.size() > 1 && avoided) {
    std::erase_if(ways, [&](const Way& way) { return way.path->serial == *avoided; });
  }
  if (ways.empty()) return std::nullopt;
  const bool measured = fastest != Duration::max();
  if (!measured) fastest = Duration(0);
  ++turn_;
  Way best{};
  double least = 0;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const Way& way = ways[(turn_ + i) % ways.size()];
    const PathSpeed& speed = way.path->speed;
    if (trusted && speed.is_due(now)) return way;
    if (measured && !speed.is_measured() && speed.outstanding() > 0) continue;
    const double commands =
        static_cast<double>(largest) / static_cast<double>(payload(*way.remote, *way.path));
    const double expected = speed.expectation(fastest, now) * commands;
    if (best.path == nullptr || expected < least) {
      best = way;
      least = expected;
    }
  }
  return best.path == nullptr ? std::nullopt : std::optional(best);
}

std::optional<Paths::Way> Paths::choose_in_turn(bool within_window) {
  RemoteTarget* best = nullptr;
  bool trusted = false;  // one that answers is worth waiting for
  for (std::size_t i = 0; i < remotes_.size(); ++i) {
    RemoteTarget& remote = remotes_[(turn_ + i) % remotes_.size()];
    if (!is_usable(remote)) continue;
    const bool room = has_room(remote, within_window);
    if (is_trusted(remote)) {
      if (!trusted) best = nullptr;
      trusted = true;
    } else if (trusted) {
      continue;
    }
    if (room && best == nullptr) best = &remote;
  }
  if (best == nullptr) return std::nullopt;
  ++turn_;
  return Way{best, &next_path(*best)};
}

Path& Paths::next_path(RemoteTarget& remote) const {
  const bool trusted = is_trusted(remote);
  while (true) {
    Path& path = remote.paths[remote.turn++ % remote.paths.size()];
    if (is_open(path) && !(trusted && path.is_suspect())) return path;
  }
}

RemoteTarget* Paths::find_remote(const Mac& mac) {
  const auto remote = std::ranges::find(remotes_, mac, &RemoteTarget::mac);
  return remote == remotes_.end() ? nullptr : &*remote;
}

std::optional<Paths::Way> Paths::find(std::uint64_t serial) {
  for (RemoteTarget& remote : remotes_) {
    for (Path& path : remote.paths) {
      if (path.serial == serial) return Way{&remote, &path};
    }
  }
  return std::nullopt;
}

void Paths::sent(const Way& way, Instant now) {
  way.remote->window.sent();
  way.path->speed.sent(now);
  way.remote->silent_since = std::min(way.remote->silent_since, now);
}

void Paths::withdrawn(const Way& way) {
  way.remote->window.withdrawn();
  way.path->speed.withdrawn();
}

void Paths::answered(const Way& way, Instant now) {
  way.remote->heard = now;
  way.remote->silent_since = never;
  way.path->heard = now;
  for (Path& path : way.remote->paths) {
    if (&path != way.path && profile_ != Profile::linux_driver) continue;
    path.suspect_since = never;
    path.strikes = 0;
  }
}

void Paths::expired(const Way& way, Instant sent, Instant now) {
  if (profile_ == Profile::linux_driver) {
    const auto members = std::ranges::count_if(remotes_, &RemoteTarget::is_member);
    const auto share = parameters_.deadsecs / std::max<std::int64_t>(members, 1);
    const Duration patience = parameters_.deadsecs.count() == 0
                                  ? driver_patience
                                  : std::min<Duration>(driver_patience, share);
    if (way.remote->silent_since == never || now - way.remote->silent_since < patience) return;
    for (Path& path : way.remote->paths) path.suspect_since = std::min(path.suspect_since, now);
  } else if (sent >= way.path->struck) {  // not along with one that has struck already
    way.path->struck = now;
    if (++way.path->strikes >= strikes_max) {
      way.path->suspect_since = std::min(way.path->suspect_since, now);
    }
  }
  any_suspect_ |= way.path->is_suspect();
}

bool Paths::take_search(Instant now) {
  if (!any_suspect_) return false;
  bool serves = false;
  Instant last_suspect = Instant::min();
  any_suspect_ = false;
  for (const RemoteTarget& remote : remotes_) {
    serves |= is_trusted(remote);
    for (const Path& path : remote.paths) {
      if (!path.is_suspect()) continue;
      any_suspect_ = true;
      last_suspect = std::max(last_suspect, path.suspect_since);
    }
  }
  const bool is_silence = any_suspect_ && !serves && profile_ != Profile::linux_driver;
  if (!is_silence) search_due_ = never;
  if (!any_suspect_ || !serves) search_interval_ = search_interval_min;
  if (!any_suspect_) return false;
  const bool is_first = searched_ == Instant::min();
  if (is_silence && search_due_ == never) {
    search_due_ = is_first ? now : searched_ + silence_interval_min;
  }
  const bool is_due =
      is_silence ? now >= search_due_ : is_first || now >= searched_ + search_interval_;
  if (!is_due) return false;
  searched_ = now;
  search_interval_ = std::min(2 * search_interval_, search_interval_max);
  if (is_silence) {
    const Duration wait =
        std::clamp((now - last_suspect) / silence_parts, silence_interval_min, search_interval_min);
    search_due_ = pace_.reserve(IdentifyPace::Attempt::repeated, now + wait);
  }
  return true;
}

}  // namespace aoe::initiator
