#include "initiator/engine/device.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace aoe::initiator {

std::string_view text(DeviceState state) {
  constexpr std::array<std::string_view, 4> names{"down", "identifying", "up", "closewait"};
  return names.at(static_cast<std::size_t>(state));
}

std::string_view driver_text(DeviceState state) {
  if (state == DeviceState::closewait) return "down,closewait";
  return state == DeviceState::up ? "up" : "down";
}

Device::Device(Address address, const Shared& shared)
    : address_(address),
      shared_(shared),
      trace_(shared.trace, address),
      paths_(shared.parameters, shared.ports, shared.pace),
      membership_(*this, shared_, trace_, paths_, counters_) {}

// Users.

bool Device::open() {
  if (state_ != DeviceState::up) return false;
  ++users_;
  return true;
}

void Device::close(Instant now) {
  AOE_CHECK(users_ > 0);
  if (--users_ == 0 && state_ == DeviceState::closewait) {
    membership_.drop_all();
    membership_.forget_members();
    paths_.clear();
    become(DeviceState::down, "last close", now);
  }
}

bool Device::revalidate(Instant now, Actions& out) {
  if (state_ == DeviceState::closewait) revived_until_ = now + revival_max;
  if (state_ == DeviceState::down || state_ == DeviceState::closewait) return false;
  if (state_ == DeviceState::up) {
    membership_.identify_members(now);
    pump(now, out);
  }
  return true;
}

// Paths.

void Device::on_config(const Frame& frame, const ConfigReply& reply, PortId port, Instant now,
                       Actions& out) {
  if (state_ == DeviceState::closewait && now >= revived_until_) return;
  heard_ = now;
  const auto way = paths_.learn(frame.header.source, reply, port, now);
  if (!way) return;
  firmware_ = reply.firmware;
  if (state_ == DeviceState::down) {
    become(DeviceState::identifying, "config answer", now);
    identifying_since_ = now;
  }
  const Header& header = frame.header;
  membership_.heard(*way, header.destination.is_multicast() || header.tag == 0, users_ > 0, now);
  pump(now, out);
  reckon_deadline();
}

Membership::View Device::view() const {
  const bool has_identity = state_ == DeviceState::up || state_ == DeviceState::closewait;
  return {.identity = has_identity ? &*identity_ : nullptr,
          .open = users_ > 0,
          .revived = state_ == DeviceState::closewait};
}

template <class Condition>
void Device::take_back_all(Condition meets, Instant now) {
  for (Index i = 0; i < commands_.end(); ++i) {
    const AtaCommand& command = commands_[i];
    if (!commands_.is_used(i) || command.state != AtaCommand::State::outstanding) continue;
    const auto way = paths_.find(command.path);
    if (!way || !meets(*way)) continue;
    if (command.done) {
      give_up(i, now);
      continue;
    }
    take_back(i);
    waiting_.push_back(commands_, i);
  }
}

void Device::on_port_lost(PortId port, Instant now, Actions& out) {
  take_back_all([port](const Paths::Way& way) { return way.path->port == port; }, now);
  membership_.drop_port(port);
  paths_.remove_port(port);
  pump(now, out);
  reckon_deadline();
}

void Device::on_parameters(Instant now, Actions& out) {
  paths_.parameters_changed();
  pump(now, out);
  reckon_deadline();
}

bool Device::take_search(Instant now) {
  const Instant due = paths_.search_due();
  bool searches = paths_.take_search(now);
  if (now >= search_due_) {
    search_due_ = now + Paths::search_interval_min;
    searches = true;
  }
  if (searches || paths_.search_due() != due) reckon_deadline();
  return searches;
}

// The end of its I/O.

void Device::give_up_all(Instant now, Actions& out) {
  for (Index i = 0; i < commands_.end(); ++i) {
    if (commands_.is_used(i) && commands_[i].state != AtaCommand::State::lingering) give_up(i, now);
  }
  requests_.fail_all(IoError::device_down, out);
  membership_.drop_all();
  stranded_ = search_due_ = never;
}

void Device::abandon(Instant now, Actions& out) {
  give_up_all(now, out);
  for (Index i = 0; i < commands_.end(); ++i) {
    if (commands_[i].trim == nullptr) continue;  // a frame that was not sent yet points into it
    const std::uint8_t* const block = commands_[i].trim->data();
    std::erase_if(out.frames, [=](const Transmit& frame) { return frame.data.data() == block; });
  }
  abandoned_ = true;
}

// Time.

Instant Device::dead_at(Instant since) const {
  const auto deadsecs = shared_.parameters.deadsecs;
  return since == never || deadsecs.count() == 0 ? never : since + deadsecs;
}

Instant Device::due(const AtaCommand& command) const {
  switch (command.state) {
    case AtaCommand::State::waiting:
      return command.attempts == 0 ? never : dead_at(command.first_sent);
    case AtaCommand::State::outstanding: {
      const Instant due = std::min(command.deadline, command.lost);
      return is_linux() || command.done ? due : std::min(due, dead_at(command.first_sent));
    }
    case AtaCommand::State::lingering: return command.deadline;
  }
  AOE_CHECK(false && "a state without a deadline");
}

void Device::expire(Instant now, Actions& out) {
  if (now < deadline_) return;
  if (now >= dead_at(stranded_)) return go_down("no path for deadsecs", now, out);
  if (now >= dead_at(identifying_since())) return go_down("not identified in deadsecs", now, out);
  if (membership_.expire(view(), now, out)) return go_down("no answer for deadsecs", now, out);
  for (Index i = 0; i < commands_.end(); ++i) {
    if (!commands_.is_used(i) || now < due(commands_[i])) continue;
    const AtaCommand& command = commands_[i];
    if (command.state == AtaCommand::State::lingering) {
      const Index request = command.request;
      free_command(i);
      requests_.release(request);
    } else if (command.done) {
      give_up(i, now);
    } else if (now >= dead_at(command.first_sent)) {
      return go_down("no answer for deadsecs", now, out);
    } else {
      expire_command(i, now, out);
    }
  }
  pump(now, out);
  reckon_deadline();
}

void Device::reckon_deadline() {
  deadline_ = std::min(
      {dead_at(stranded_), search_due_, membership_.deadline(), dead_at(identifying_since())});
  bool is_awaited = has_to_send();
  for (Index i = 0; i < commands_.end(); ++i) {
    if (!commands_.is_used(i)) continue;
    deadline_ = std::min(deadline_, due(commands_[i]));
    is_awaited |= commands_[i].state != AtaCommand::State::lingering;
  }
  if (is_awaited) deadline_ = std::min(deadline_, paths_.search_due());
}

// What the device is.

void Device::on_identity(const Paths::Way& way, const Identity& identity, Event event, Instant now,
                         Actions& out) {
  event.sectors = identity.sectors;
  event.serial = identity.serial;
  const auto judgement = membership_.judge(way, identity, view(), now, out);
  if (state_ == DeviceState::closewait) return revive(event, now, out);
  if (judgement != Membership::Judgement::unchanged) {
    take_back_all([](const Paths::Way& its) { return !its.remote->is_member(); }, now);
  }
  const bool is_new =
      state_ == DeviceState::identifying || judgement == Membership::Judgement::adopted;
  const bool is_replaced = is_new && identity_ && identity_->serial != identity.serial;
  if (is_replaced) {
    ++counters_.replaced;
    refuses_writes_ = false;
    event.kind = Event::Kind::disk_replaced;
    report(event, shared_.trace, now, out);
  }
  if (state_ == DeviceState::identifying) {
    become(DeviceState::up, "identified", now);
    identify_failure_.reset();
    event.kind = Event::Kind::device_up;
    report(event, shared_.trace, now, out);
    identity_ = identity;
  } else if (judgement == Membership::Judgement::adopted) {
    event.kind = Event::Kind::device_resized;
    if (identity_->sectors != identity.sectors && !is_replaced) {
      report(event, shared_.trace, now, out);
    }
    identity_ = identity;
  } else if (likeness(*identity_) == likeness(identity) && way.remote->is_member()) {
    identity_ = identity;  // what else it says may have changed
  }
}

/// A disk answers at the address of one that went down while it was open.
void Device::revive(Event event, Instant now, Actions& out) {
  if (!paths_.has_member()) return;  // another disk: reported
  revived_until_ = Instant::min();
  become(DeviceState::up, "revived", now);
  event.kind = Event::Kind::device_up;
  report(event, shared_.trace, now, out);
}

void Device::on_useless_identity(const Membership::Answer& answer, Event event, Instant now,
                                 Actions& out) {
  event.kind = Event::Kind::identify_failed;
  event.result = answer.result;
  event.reject = answer.reject;
  report(event, shared_.trace, now, out);
  identify_failure_ = std::make_unique<Event>(event);
  if (!answer.way->remote->is_member()) {
    membership_.drop(*answer.way);
    paths_.remove(*answer.way);
  }
  if (state_ == DeviceState::identifying && paths_.remotes().empty()) {
    go_down("not identified", now, out);
  }
}

void Device::become(DeviceState state, std::string_view why, Instant now) {
  if (trace_) trace_.state(now, text(state_), text(state), why);
  state_ = state;
}

void Device::trace_payload(Instant now) {
  const std::size_t payload = paths_.payload();
  if (payload != traced_payload_) trace_.payload(now, traced_payload_, payload);
  traced_payload_ = payload;
}

void Device::go_down(std::string_view why, Instant now, Actions& out) {
  become(users_ > 0 ? DeviceState::closewait : DeviceState::down, why, now);
  report({.kind = Event::Kind::device_down, .device = address_}, shared_.trace, now, out);
  give_up_all(now, out);
  membership_.forget_members();
  paths_.clear();  // what comes back is measured from the start
  reckon_deadline();
}

}  // namespace aoe::initiator
