// The part of a device that turns requests into commands, sends them, and ends them.
#include <algorithm>

#include "base/check.h"
#include "initiator/engine/device.h"

namespace aoe::initiator {
namespace {

constexpr Duration disk_timeout_min = RttEstimator::timeout_initial;
using DriverTick = std::chrono::duration<std::int64_t, std::deci>;  // how often its timer looks

}  // namespace

// Requests.

void Device::submit(const IoRequest& request, Instant now, Actions& out) {
  const auto refuse = [&](IoError error) {
    if (trace_) trace_.refused(now, request, error);
    requests_.refuse(request, error, out);
  };
  if (state_ != DeviceState::up) return refuse(IoError::device_down);
  if (request.kind == IoKind::flush) {
    if (!identity_->flush_cache && !identity_->flush_cache_ext) {
      return requests_.complete_at_once(request,
                                        out);  // a disk without a cache has nothing to flush
    }
    requests_.add(request, 0);
  } else {
    const std::size_t size =
        request.kind == IoKind::read ? request.into.size() : request.from.size();
    const bool trim = request.kind == IoKind::trim;
    const std::uint64_t sectors = trim ? request.sectors : size / sector_size;
    if (trim && !identity_->trim) return refuse(IoError::unsupported);
    if (sectors == 0 || (!trim && size % sector_size != 0)) {
      return refuse(IoError::invalid);
    }
    if (request.lba > identity_->sectors || sectors > identity_->sectors - request.lba) {
      return refuse(IoError::out_of_range);
    }
    requests_.add(request, sectors);
  }
  pump(now, out);
}

bool Device::cancel(std::uint64_t id, Instant now, Actions& out) {
  const Index request = requests_.find(id);
  if (request == no_index) return false;
  for (Index i = 0; i < commands_.end(); ++i) {
    const bool its = commands_.is_used(i) && commands_[i].request == request;
    if (!its || commands_[i].state == AtaCommand::State::lingering) continue;
    if (commands_[i].state == AtaCommand::State::outstanding) {
      shared_.tags.find(commands_[i].tag)->cancelled = true;
    }
    give_up(i, now);
  }
  requests_.fail(request, IoError::cancelled, out);
  pump(now, out);
  return true;
}

bool Device::is_changing(std::uint64_t lba, std::uint64_t sectors) const {
  for (Index i = 0; i < commands_.end(); ++i) {
    const AtaCommand& command = commands_[i];
    if (!commands_.is_used(i) || !command.changes_disk()) continue;
    if (command.lba < lba + sectors && lba < command.lba + command.sectors) return true;
  }
  return false;
}

// Their commands.

Index Device::add_command() {
  const Index index = commands_.take();
  commands_[index] = {.trim = std::move(commands_[index].trim)};
  return index;
}

void Device::free_command(Index index) {
  settle_doubt(commands_[index]);
  commands_.release(index);
}

std::optional<Device::Next> Device::find_next(Instant now) {
  while (true) {
    for (Index i = waiting_.front(); i != no_index; i = commands_[i].link.next) {
      if (const auto way = choose_for(i, true, now)) return Next{i, *way};
      if (!commands_[i].whom) return std::nullopt;
    }
    if (!requests_.has_part()) return std::nullopt;
    if (requests_.next_kind() != IoKind::flush) break;
    spread_flush();
  }
  const auto way = choose_for(no_index, true, now);
  return way ? std::optional(Next{no_index, *way}) : std::nullopt;
}

Index Device::take_next(const Next& next, Instant now) {
  if (next.index != no_index) {
    waiting_.erase(commands_, next.index);
    split(next.index, next.way);
    return next.index;
  }
  const Index index = add_command();
  const std::size_t fits = paths_.payload_to_try(next.way, requests_.next_kind(), now);
  requests_.take_part(fits, commands_[index]);
  return index;
}

/// Makes the commands of a flush: one for each member that was written to since its last flush, or
/// one for any.
void Device::spread_flush() {
  Index index = add_command();
  requests_.take_part(paths_.payload(), commands_[index]);
  const Index request = commands_[index].request;
  bool is_first = true;
  for (const RemoteTarget& remote : paths_.remotes()) {
    if (!remote.is_member() || !remote.is_dirty()) continue;
    if (!std::exchange(is_first, false)) {
      waiting_.push_back(commands_, index);
      index = add_command();
      commands_[index].kind = IoKind::flush;
      commands_[index].request = request;
      requests_.divide(request);
    }
    commands_[index].whom = remote.mac;
  }
  waiting_.push_back(commands_, index);
}

void Device::split(Index index, const Paths::Way& way) {
  AtaCommand& command = commands_[index];
  const auto fits = static_cast<std::uint32_t>(paths_.payload_now(way, command.kind));
  if (command.kind == IoKind::trim || command.sectors <= fits) return;
  const Index added = add_command();
  AtaCommand& rest = commands_[added];
  rest.kind = command.kind;
  rest.request = command.request;
  rest.lba = command.lba + fits;
  rest.sectors = command.sectors - fits;
  rest.offset = command.offset + fits * sector_size;
  command.sectors = fits;
  requests_.divide(rest.request);
  waiting_.push_front(commands_, added);
}

// Commands on the wire.

void Device::pump(Instant now, Actions& out) {
  if (trace_) trace_payload(now);
  membership_.send(now, out);
  deadline_ = std::min(deadline_, membership_.deadline());
  while (has_to_send()) {
    const auto next = find_next(now);
    if (!next) break;
    transmit(take_next(*next, now), next->way, now, out);
  }
  if (!has_to_send() || paths_.payload() > 0) {
    stranded_ = search_due_ = never;
  } else if (stranded_ == never) {
    if (trace_) trace_.stranded(now);
    stranded_ = search_due_ = now;
    deadline_ = std::min(deadline_, dead_at(stranded_));
  }
}

std::optional<Paths::Way> Device::choose_for(Index index, bool within_window, Instant now) {
  if (index == no_index) return paths_.choose(within_window, now);
  const AtaCommand& command = commands_[index];
  // Where nothing came back in time, the path may be gone, even if too little was lost yet to say so.
  const bool timed_out = command.attempts > 0 && command.lost == never;
  return paths_.choose(within_window, now, command.whom ? &*command.whom : nullptr,
                       timed_out ? std::optional(command.path) : std::nullopt);
}

Duration Device::timeout_of(const AtaCommand& command, unsigned attempt,
                            const RemoteTarget& remote) const {
  const Duration timeout = remote.rtt.timeout(attempt);
  return command.takes_disk_time() && !is_linux() ? std::max(timeout, disk_timeout_min) : timeout;
}

void Device::transmit(Index index, const Paths::Way& way, Instant now, Actions& out) {
  AtaCommand& command = commands_[index];
  const bool timed = !command.takes_disk_time();
  Transmission& transmission = shared_.tags.issue();
  transmission.device = this;
  transmission.command = commands_.id(index);
  transmission.path = way.path->serial;
  transmission.asked = way.remote->mac;
  transmission.sent = now;
  transmission.timed = timed;
  transmission.kind = command.kind;
  if (timed) {
    transmission.sectors = static_cast<std::uint8_t>(command.sectors);
    way.path->payload(command.kind).sent(command.sectors, now);
  }
  if (command.attempts == 0) command.first_sent = now;
  const std::uint32_t old_tag = command.tag;
  command.state = AtaCommand::State::outstanding;
  command.tag = transmission.tag;
  command.path = way.path->serial;
  command.last_sent = now;
  command.overtaken = never;
  command.lost = never;
  command.deadline = now + timeout_of(command, ++command.attempts, *way.remote);
  if (is_linux()) {
    command.deadline = Instant(std::chrono::ceil<DriverTick>(command.deadline.time_since_epoch()));
  }
  deadline_ = std::min(deadline_, due(command));
  paths_.sent(way, now);
  if (command.changes_disk()) {
    ++way.remote->writes;
    membership_.note_write(command.lba, command.sectors);
  }
  command.covers = way.remote->writes;
  if (timed) way.path->sent.push_back(commands_, index);
  ++counters_.commands;
  if (command.attempts > 1) {
    ++counters_.retransmissions;
    report({.kind = Event::Kind::retransmission,
            .device = address_,
            .port = way.path->port,
            .mac = way.remote->mac,
            .tag = command.tag,
            .old_tag = old_tag,
            .attempt = command.attempts},
           shared_.trace, now, out);
  }

  const AtaRequest ata = registers(command, requests_[command.request], *identity_);
  Transmit& frame = out.frames.emplace_back();
  frame.port = way.path->port;
  frame.data = ata.data;
  if (trace_) trace_.sent(now, command, ata, way, command.deadline - now);
  const Mac& source = shared_.ports[frame.port].mac;
  frame.head_size = static_cast<std::uint8_t>(
      encode_head({way.remote->mac, source, address_, command.tag}, ata, frame.head));
}

void Device::take_back(Index index) {
  AtaCommand& command = commands_[index];
  Transmission* transmission = shared_.tags.find(command.tag);
  AOE_CHECK(transmission != nullptr);
  shared_.tags.retire(*transmission, Transmission::State::superseded);
  ++command.unanswered;
  command.state = AtaCommand::State::waiting;
  const auto way = paths_.find(command.path);
  AOE_CHECK(way.has_value());
  paths_.withdrawn(*way);
  if (transmission->timed) way->path->sent.erase(commands_, index);
}

void Device::give_up(Index index, Instant now) {
  if (commands_[index].state == AtaCommand::State::waiting) {
    waiting_.erase(commands_, index);
  } else {
    take_back(index);
  }
  finish(index, now);
}

void Device::finish(Index index, Instant now) {
  AtaCommand& command = commands_[index];
  const bool held = command.done && command.changes_disk();
  if (!command.changes_disk() || command.unanswered == 0) {
    const Index request = command.request;
    free_command(index);
    if (held) requests_.release(request);
    return;
  }
  const auto way = paths_.find(command.path);
  const Duration timeout = way ? way->remote->rtt.timeout(1) : linger_max;
  command.state = AtaCommand::State::lingering;
  command.deadline = now + std::min(timeout, linger_max);
  deadline_ = std::min(deadline_, command.deadline);
  if (!held) requests_.hold(command.request);
  if (trace_) trace_.holds(now, command);
}

}  // namespace aoe::initiator
