#include "harness/judge/tracker.h"

#include <algorithm>
#include <utility>

namespace aoe::harness {
namespace {

/// How many requests that wait are passed over in search of one that may be forgotten.
constexpr unsigned passed_over_max = 64;

}  // namespace

std::uint64_t Tracker::question_of(const LedgerEntry& entry, std::uint64_t whom) {
  const std::uint64_t place = mixed(whom << 32 | std::uint64_t{entry.address.shelf} << 16 |
                                    std::uint64_t{entry.address.slot} << 8 | entry.command);
  return mixed(place ^ entry.lba << 16 ^ std::uint64_t{entry.sectors} << 8 ^
               static_cast<std::uint64_t>(entry.opcode));
}

Tracker::Request* Tracker::find(std::uint64_t key) {
  const auto found = keys_.find(key);
  return found == keys_.end() ? nullptr : &requests_[found->second];
}

std::span<const Tracker::Index> Tracker::waiting_at(Remote remote) const {
  if (remote >= remotes_.size()) return {};
  return remotes_[remote].waiting();
}

Tracker::Sent Tracker::send(Request request, LedgerEntry& entry) {
  Sent sent;
  const Request* const same_key = find(request.key);
  const Request* const before = request.awaited ? repeated_by(request, same_key, entry) : nullptr;
  if (policy_.losses_seen) {
    // The target may still answer what arrived with this key before.
    request.arrivals = same_key == nullptr ? 0 : same_key->arrivals;
    request.answers = same_key == nullptr ? 0 : same_key->answers;
  } else {
    request.arrivals = before != nullptr && before == same_key ? before->arrivals + 1 : 1;
  }
  if (request.awaited && same_key != nullptr && same_key->question != request.question &&
      holds_tag(*same_key, entry.sent)) {
    sent.tag_holder = same_key->id;
  }
  sent.is_again =
      same_key != nullptr && same_key->question == request.question && !same_key->awaited;
  if (before != nullptr) {
    request.attempt = before->attempt + 1;
    sent.repeats = index_of(*before);
    entry.repeats = before->id;
    ledger_[before->id].repeated_by = entry.id;
    ++retransmissions_;
  }
  const std::size_t waited = waiting(request.remote);
  sent.index = remember(request);
  keys_.insert_or_assign(request.key, sent.index);
  if (request.awaited) sent.replaces = open(sent.index);
  sent.adds = waiting(request.remote) > waited;
  return sent;
}

/// The transmission that a request repeats.
const Tracker::Request* Tracker::repeated_by(const Request& request, const Request* same_key,
                                             const LedgerEntry& entry) const {
  // Some initiators have one tag for all queries, and ask again what was answered.
  if (!policy_.losses_seen && same_key != nullptr && same_key->question == request.question)
    return same_key->awaited ? same_key : nullptr;
  const auto found = open_.find(request.question);
  if (found == open_.end()) return nullptr;
  const Request& latest = requests_[found->second];
  if (policy_.losses_seen) return &latest;
  return entry.address.is_exact() && is_in_time(latest, entry.sent) ? &latest : nullptr;
}

/// Does a request that has this tag still wait for its answer?
bool Tracker::holds_tag(const Request& request, Instant now) const {
  const auto latest = open_.find(request.question);
  if (latest == open_.end()) return false;
  if (policy_.losses_seen) return request.awaited;
  return &requests_[latest->second] == &request && is_in_time(request, now);
}

Tracker::Index Tracker::remember(const Request& request) {
  if (has_forgotten()) {
    const auto next = [&] {
      return std::exchange(next_, static_cast<Index>((next_ + 1) % requests_.size()));
    };
    for (unsigned i = 0; i < passed_over_max; ++i) {
      const Index index = next();
      if (!requests_[index].awaited || !is_open(requests_[index].question))
        return replace(index, request);
    }
    if (requests_.size() >= policy_.most) {
      const Index oldest = next();
      const auto latest = open_.find(requests_[oldest].question);
      if (latest != open_.end() && latest->second == oldest) close(latest->first);
      return replace(oldest, request);
    }
  }
  requests_.push_back(request);
  return static_cast<Index>(requests_.size() - 1);
}

Tracker::Index Tracker::replace(Index index, const Request& request) {
  Request& old = requests_[index];
  if (const auto latest = keys_.find(old.key); latest != keys_.end() && latest->second == index)
    keys_.erase(latest);
  old = request;
  return index;
}

void Tracker::Window::remove(Index index) {
  const auto begin = indexes_.begin() + static_cast<std::ptrdiff_t>(gone_);
  const auto found = std::find(begin, indexes_.end(), index);
  if (found == indexes_.end()) return;
  if (found != begin) {
    indexes_.erase(found);
    return;
  }
  if (2 * ++gone_ <= indexes_.size()) return;
  indexes_.erase(indexes_.begin(), begin + 1);
  gone_ = 0;
}

bool Tracker::open(Index index) {
  const Request& request = requests_[index];
  const auto [place, is_new] = open_.try_emplace(request.question, index);
  const bool replaces = !is_new && give_room(std::exchange(place->second, index));
  if (!request.takes_room) return replaces;
  ++waiting_;
  if (request.remote == no_remote) return replaces;
  if (request.remote >= remotes_.size()) remotes_.resize(request.remote + 1);
  const Window& window = remotes_[request.remote];
  remotes_[request.remote].add(index);
  const Instant now = ledger_[request.id].sent;
  while (window.waiting().size() > policy_.waiting ||
         now - ledger_[requests_[window.waiting().front()].id].sent > policy_.patience) {
    close(requests_[window.waiting().front()].question);
  }
  return replaces;
}

void Tracker::restart(std::uint64_t question) {
  const auto found = open_.find(question);
  if (found != open_.end()) requests_[found->second].attempt = 0;
}

void Tracker::close(std::uint64_t question) {
  const auto found = open_.find(question);
  AOE_CHECK(found != open_.end());
  give_room(found->second);
  open_.erase(found);
}

bool Tracker::give_room(Index index) {
  Request& request = requests_[index];
  if (!std::exchange(request.takes_room, false)) return false;
  --waiting_;
  if (request.remote != no_remote) remotes_[request.remote].remove(index);
  return true;
}

void Tracker::answer(Request& request) {
  request.awaited = false;
  const auto latest = open_.find(request.question);
  if (latest == open_.end()) return;
  if (!policy_.losses_seen || &requests_[latest->second] == &request) close(request.question);
}

void Tracker::abandon(Remote remote) {
  for (Request& request : requests_) {
    if (request.remote != remote) continue;
    if (is_open(request.question)) close(request.question);
    request.awaited = false;
  }
}

void Tracker::free_room() {
  for (const Window& window : remotes_) {
    while (!window.waiting().empty()) give_room(window.waiting().front());
  }
}

}  // namespace aoe::harness
