// The part of a device that decides what was lost, what is late, and what is sent again.
#include <algorithm>
#include <functional>
#include <vector>

#include "base/check.h"
#include "initiator/engine/device.h"

namespace aoe::initiator {
namespace {

constexpr unsigned doubts_min = 4;

}  // namespace

void Device::on_late_answer(Transmission& transmission, const Completion& result, Instant now,
                            Actions& out) {
  transmission.state = Transmission::State::answered;
  if (!transmission.cancelled) ++counters_.late_answers;
  if (const auto way = paths_.find(transmission.path)) {
    if (transmission.timed) way->remote->rtt.sample(now - transmission.sent);
    const bool is_used = way->remote->is_member() && !way->remote->is_suspended();
    if (transmission.expired && transmission.timed && !is_linux() && is_used) {
      on_early_timeout(transmission, *way, now);
    }
    if (transmission.overtaken != never) {
      const unsigned window = way->remote->window.size();
      way->path->reordering.was_late(now - transmission.overtaken);
      way->remote->window.not_lost();
      if (trace_) trace_.window(now, *way->remote, window, "late, not lost");
    }
    trust(*way, now);
    if (way->remote->is_member()) passed(transmission, *way, now, out);
  }
  const Index index = commands_.find(transmission.command);
  if (index == no_index) return;
  AtaCommand& command = commands_[index];
  settle_doubt(command);
  command.collapsed.reset();
  --command.unanswered;
  const Index request = command.request;
  if (command.state == AtaCommand::State::lingering) {
    if (command.unanswered > 0) return;
    free_command(index);
    requests_.release(request);
    return;
  }
  // What another disk says of it counts for nothing.
  const RemoteTarget* const asked = paths_.find_remote(transmission.asked);
  if (asked == nullptr || !asked->is_member()) return;
  // Any transmission's answer will do: nothing that overlaps the request has been sent since.
  if (command.done || result.error != IoError::none || is_linux()) return;
  const bool changes_disk = command.changes_disk();
  const std::uint64_t lba = command.lba;
  if (command.state == AtaCommand::State::waiting) {
    give_up(index, now);
  } else {
    command.done = true;
    if (changes_disk) requests_.hold(request);
  }
  requests_.part_done(request, result, out);
  if (changes_disk) membership_.written(lba, view(), now);
}

void Device::on_early_timeout(const Transmission& transmission, const Paths::Way& way,
                              Instant now) {
  const unsigned window = way.remote->window.size();
  way.remote->rtt.was_early(now - transmission.sent);
  if (!way.remote->window.not_expired(transmission.sent)) return;
  if (trace_) trace_.window(now, *way.remote, window, "late, not lost");
  std::vector<Index> early;
  for (Index i = waiting_.front(); i != no_index; i = commands_[i].link.next) {
    const Transmission* const last = shared_.tags.find(commands_[i].tag);
    if (last != nullptr && last->command == commands_.id(i) && last->device == this &&
        last->path == way.path->serial && last->expired && last->timed &&
        last->state == Transmission::State::superseded) {
      early.push_back(i);
    }
  }
  // The list of the path is in the order of sending, and these were sent before what is in it.
  std::ranges::sort(early, std::greater<>{}, [&](Index i) { return commands_[i].last_sent; });
  for (const Index i : early) {
    if (!way.remote->window.has_buffer()) break;
    AtaCommand& command = commands_[i];
    waiting_.erase(commands_, i);
    shared_.tags.await_again(*shared_.tags.find(command.tag));
    --command.unanswered;
    command.state = AtaCommand::State::outstanding;
    command.collapsed.reset();
    command.deadline = now + way.remote->rtt.timeout(command.attempts);
    deadline_ = std::min(deadline_, due(command));
    paths_.sent(way, now);
    way.path->sent.push_front(commands_, i);
  }
}

void Device::overtake(Index index, const Paths::Way& way, Instant now) {
  if (is_linux() || !shared_.parameters.early_retransmission) return;
  // Those before one that was overtaken were overtaken as well: each is met here once.
  for (Index i = commands_[index].link.previous; i != no_index; i = commands_[i].link.previous) {
    AtaCommand& command = commands_[i];
    if (command.overtaken != never) break;
    command.overtaken = now;
    command.lost = now + way.path->reordering.wait(way.remote->rtt.average(), command.attempts);
    deadline_ = std::min(deadline_, command.lost);
    if (trace_) trace_.overtaken(now, command);
  }
}

void Device::expire_command(Index index, Instant now, Actions& out) {
  AtaCommand& command = commands_[index];
  if (now < command.deadline) return lose_early(index, now, out);
  const auto way = paths_.find(command.path);
  AOE_CHECK(way.has_value());
  const bool timed = !command.takes_disk_time();
  Transmission& transmission = *shared_.tags.find(command.tag);
  const bool tried = tries_payload(command, *way);
  const bool alone = tried || is_lost_alone(command, *way);
  transmission.expired = true;
  take_back(index);
  swallowed(transmission, *way, now, out);
  settle_doubt(command);
  if (trace_) trace_.expired(now, command, "no answer");
  const unsigned window = way->remote->window.size();
  bool collapsed = false;
  if (alone) {
    if (!tried) way->remote->window.lost(command.last_sent);
  } else if (timed || is_linux()) {
    collapsed = way->remote->window.expired(command.last_sent, now);
    command.collapsed = collapsed ? std::optional(way->remote->mac) : std::nullopt;
  }
  if (trace_) trace_.window(now, *way->remote, window, alone ? "lost" : "timeout");
  const bool suspect = way->path->is_suspect();
  if (timed) way->path->speed.lost();
  if (!tried) paths_.expired(*way, command.last_sent, now);
  if (trace_ && way->path->is_suspect() && !suspect) trace_.path(now, *way, "suspect, silent");
  const auto next = collapsed ? choose_for(index, false, now) : std::nullopt;
  if (!next) {
    waiting_.push_back(commands_, index);
    return;
  }
  split(index, *next);
  transmit(index, *next, now, out);
}

void Device::hasten(const Transmission& identify, Instant now) {
  const RemoteTarget* const remote = paths_.find_remote(identify.asked);
  if (is_linux() || remote == nullptr || !remote->is_member()) return;
  for (Index i = 0; i < commands_.end(); ++i) {
    AtaCommand& command = commands_[i];
    if (!commands_.is_used(i) || command.state != AtaCommand::State::outstanding) continue;
    const auto way = paths_.find(command.path);
    if (!way || way->remote != remote || command.attempts < 2) continue;
    const Instant due = command.last_sent + timeout_of(command, 1, *remote);
    if (command.last_sent > identify.sent || now < due) continue;
    command.deadline = now;
    deadline_ = std::min(deadline_, now);
    if (trace_) trace_.hastened(now, command);
  }
}

bool Device::tries_payload(const AtaCommand& command, const Paths::Way& way) const {
  return !is_linux() && !command.takes_disk_time() &&
         way.path->payload(command.kind).is_try(command.sectors);
}

bool Device::is_lost_alone(const AtaCommand& command, const Paths::Way& way) const {
  if (is_linux() || command.takes_disk_time()) return false;
  const Duration round_trip = way.remote->rtt.average();
  const Instant due = command.last_sent + (round_trip - round_trip / 4);
  return command.overtaken != never ||
         std::ranges::any_of(way.remote->paths, [&](const Path& path) { return path.heard > due; });
}

void Device::lose_early(Index index, Instant now, Actions& out) {
  AtaCommand& command = commands_[index];
  const auto way = paths_.find(command.path);
  AOE_CHECK(way.has_value());
  const unsigned doubts_max = std::max(doubts_min, way->remote->window.size() / 4U);
  if (!command.doubted && way->path->doubts >= doubts_max) {
    command.lost = now + way->path->reordering.wait(way->remote->rtt.average(), command.attempts);
    if (trace_) trace_.waits_longer(now, command, way->path->doubts);
    return;
  }
  if (!command.doubted) {
    command.doubted = command.path;
    ++way->path->doubts;
  }
  Transmission& transmission = *shared_.tags.find(command.tag);
  transmission.overtaken = command.overtaken;
  const bool tried = tries_payload(command, *way);
  take_back(index);
  swallowed(transmission, *way, now, out);
  if (trace_) trace_.expired(now, command, "overtaken, no answer");
  const unsigned window = way->remote->window.size();
  if (!tried) way->remote->window.lost(command.last_sent);
  if (trace_) trace_.window(now, *way->remote, window, "lost");
  way->path->reordering.lost();
  way->path->speed.lost();
  ++counters_.early_retransmissions;
  waiting_.push_back(commands_, index);
}

void Device::settle_doubt(AtaCommand& command) {
  if (!command.doubted) return;
  if (const auto way = paths_.find(*command.doubted)) --way->path->doubts;
  command.doubted.reset();
}

void Device::passed(const Transmission& transmission, const Paths::Way& way, Instant now,
                    Actions& out) {
  if (is_linux()) return;
  for (const IoKind kind : {IoKind::read, IoKind::write}) {
    // A frame in the other direction only shows that the path is alive.
    const unsigned sectors = kind == transmission.kind ? transmission.sectors : 0;
    if (way.path->payload(kind).answered(sectors)) report_payload(way, kind, now, out);
  }
}

void Device::swallowed(const Transmission& transmission, const Paths::Way& way, Instant now,
                       Actions& out) {
  if (is_linux()) return;
  const IoKind kind = transmission.kind;
  if (way.path->payload(kind).lost(transmission.sectors, transmission.sent, now))
    report_payload(way, kind, now, out);
}

void Device::report_payload(const Paths::Way& way, IoKind kind, Instant now, Actions& out) {
  const PathPayload& payload = way.path->payload(kind);
  report({.kind = payload.is_whole() ? Event::Kind::payload_restored : Event::Kind::payload_shrunk,
          .device = address_,
          .port = way.path->port,
          .mac = way.remote->mac,
          .sectors = payload.size(),
          .io = kind},
         shared_.trace, now, out);
}

}  // namespace aoe::initiator
