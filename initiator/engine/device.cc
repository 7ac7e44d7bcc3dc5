#include "initiator/engine/device.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace aoe::initiator {
namespace {

constexpr Duration disk_timeout_min = RttEstimator::timeout_initial;
constexpr std::uint8_t error_write_protected =
    0x40;  // WP of the error register, of removable media
using DriverTick = std::chrono::duration<std::int64_t, std::deci>;  // how often its timer looks

/// Returns how a command ended by this reply; an AtaReply's data is in `data`.
Completion result_of(const Body& body, Bytes& data) {
  if (const auto* refused = std::get_if<ErrorReply>(&body)) {
    return {.error = IoError::aoe_error, .aoe_error = refused->code};
  }
  const auto& reply = std::get<AtaReply>(body);
  data = reply.data;
  if ((reply.status & ata::status_failed) == 0) return {};
  return {.error = IoError::ata_error, .ata_status = reply.status, .ata_error = reply.error};
}

}  // namespace

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
      paths_(shared.parameters, shared.ports),
      membership_(*this, address, shared_, trace_, paths_, counters_) {}

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

bool Device::is_changing(std::uint64_t lba, std::uint64_t sectors) const {
  for (Index i = 0; i < commands_.end(); ++i) {
    const AtaCommand& command = commands_[i];
    if (!commands_.is_used(i) || !command.changes_disk()) continue;
    if (command.lba < lba + sectors && lba < command.lba + command.sectors) return true;
  }
  return false;
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
    if (its && commands_[i].state != AtaCommand::State::lingering) give_up(i, now);
  }
  requests_.fail(request, IoError::cancelled, out);
  pump(now, out);
  return true;
}

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
  const bool is_directed = index != no_index && commands_[index].whom;
  return paths_.choose(within_window, now, is_directed ? &*commands_[index].whom : nullptr);
}

bool Device::take_search(Instant now) {
  if (now < search_due_) return paths_.take_search(now);
  search_due_ = now + Paths::search_interval_min;
  reckon_deadline();
  return true;
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
  Duration timeout = way.remote->rtt.timeout(++command.attempts);
  if (!timed && !is_linux()) timeout = std::max(timeout, disk_timeout_min);
  command.deadline = now + timeout;
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

void Device::on_answer(Transmission& transmission, const Frame& frame, PortId port, Instant now,
                       Actions& out) {
  Event event{.kind = Event::Kind::late_answer,
              .device = address_,
              .port = port,
              .mac = frame.header.source,
              .tag = transmission.tag};
  const auto reject = [&](Event::Kind kind) {
    event.kind = kind;
    report(event, shared_.trace, now, out);
  };
  if (frame.header.address != address_) return reject(Event::Kind::wrong_address);
  if (frame.header.source != transmission.asked) {
    ++counters_.refused_answers;
    return reject(Event::Kind::unknown_source);
  }
  if (transmission.state == Transmission::State::answered)
    return reject(Event::Kind::duplicate_answer);
  const bool late = transmission.state == Transmission::State::superseded;
  const bool is_question = transmission.command == 0;
  if (is_question && late) {
    reject(Event::Kind::late_answer);
    on_late_answer(transmission, {}, now, out);
    return pump(now, out);
  }
  const Command asked = is_question ? membership_.command_of(transmission) : Command::ata;
  if (frame.command != static_cast<std::uint8_t>(asked)) {
    return reject(Event::Kind::unexpected_answer);
  }
  if (is_question) return on_question_answered(transmission, frame, event, now, out);

  const Index index = commands_.find(transmission.command);
  Bytes data;
  const Completion result = result_of(*frame.body, data);
  RemoteTarget* const asked_target = paths_.find_remote(transmission.asked);
  if (asked_target != nullptr && changes_disk(transmission.kind)) {
    ++asked_target->writes;  // a flush before this did not cover it
  }
  const bool is_member = asked_target != nullptr && asked_target->is_member();
  if (awaits(index) && (is_member || !late)) {
    if (const auto flaw = take_data(commands_[index], result, data)) {
      event.reject = *flaw;
      return reject(Event::Kind::bad_answer);
    }
  }
  if (late) {
    reject(Event::Kind::late_answer);
    on_late_answer(transmission, result, now, out);
    return pump(now, out);
  }

  const AtaCommand& command = commands_[index];
  shared_.tags.retire(transmission, Transmission::State::answered);
  const auto way = paths_.find(transmission.path);
  AOE_CHECK(way.has_value());
  if (transmission.timed) {
    way->remote->rtt.sample(now - transmission.sent);
    overtake(index, *way, now);
    way->path->sent.erase(commands_, index);
  }
  if (trace_)
    trace_.answered(now, transmission.tag, result, now - transmission.sent, way->remote->rtt);
  way->path->speed.answered(transmission.timed ? now - transmission.sent : PathSpeed::none);
  const unsigned window = way->remote->window.size();
  way->remote->window.answered();
  if (trace_) trace_.window(now, *way->remote, window, "answered");
  trust(*way, now);
  passed(transmission, *way, now, out);
  if (command.collapsed) {
    way->remote->window.expired_rightly();
    way->remote->rtt.was_right();
  }
  if (command.done) {
    finish(index, now);
  } else {
    take_result(index, *way, result, now, out);
  }
  pump(now, out);
}

/// A command was answered.
void Device::take_result(Index index, const Paths::Way& way, const Completion& result, Instant now,
                         Actions& out) {
  const AtaCommand& command = commands_[index];
  if (command.kind == IoKind::write) note_refusal(result, now, out);
  if (command.kind == IoKind::flush && result.error == IoError::none) {
    way.remote->flushed = std::max(way.remote->flushed, command.covers);
  }
  if (is_to_be_split(command, way, result, now)) {
    commands_[index].state = AtaCommand::State::waiting;
    waiting_.push_front(commands_, index);
    if (trace_) trace_.split(now, command, paths_.payload_now(way, command.kind));
  } else {
    const Index request_index = command.request;
    const std::uint64_t lba = command.lba;
    const bool written = command.changes_disk() && result.error == IoError::none;
    finish(index, now);
    requests_.part_done(request_index, result, out);
    if (written) membership_.written(lba, view(), now);
  }
}

/// A disk says by no word of IDENTIFY that it is read-only: it aborts each write.
void Device::note_refusal(const Completion& result, Instant now, Actions& out) {
  const bool refused = result.error == IoError::ata_error &&
                       (result.ata_error & (ata::error_abrt | error_write_protected)) != 0;
  if (refused && !refuses_writes_) {
    report({.kind = Event::Kind::write_refused, .device = address_}, shared_.trace, now, out);
  }
  if (refused || result.error == IoError::none) refuses_writes_ = refused;
}

void Device::on_question_answered(Transmission& transmission, const Frame& frame, Event event,
                                  Instant now, Actions& out) {
  Bytes data;
  const std::size_t size = membership_.size_of(transmission);
  if (size > 0 && result_of(*frame.body, data).error == IoError::none && data.size() < size) {
    event.kind = Event::Kind::bad_answer;
    event.reject = {Rule::read_data_short, ata_header_size, static_cast<std::uint32_t>(data.size()),
                    static_cast<std::uint32_t>(size)};
    return report(event, shared_.trace, now, out);
  }
  if (const auto way = paths_.find(transmission.path); way && way->remote->is_member()) {
    passed(transmission, *way, now, out);
  }
  const auto answer = membership_.on_answer(transmission, frame, view(), now, out);
  if (answer.kind == Membership::Answer::Kind::identified) {
    on_identity(*answer.way, answer.identity, event, now, out);
  } else if (answer.kind == Membership::Answer::Kind::useless) {
    on_useless_identity(answer, event, now, out);
  }
  pump(now, out);
  reckon_deadline();
}

bool Device::awaits(Index index) const {
  return index != no_index && commands_[index].state != AtaCommand::State::lingering &&
         !commands_[index].done;
}

std::optional<Reject> Device::take_data(const AtaCommand& command, const Completion& result,
                                        Bytes data) {
  if (result.error != IoError::none || command.kind != IoKind::read) return std::nullopt;
  const std::size_t size = command.sectors * sector_size;
  if (data.size() < size) {
    return Reject{Rule::read_data_short, ata_header_size, static_cast<std::uint32_t>(data.size()),
                  static_cast<std::uint32_t>(size)};
  }
  copy(data.first(size), requests_[command.request].into.subspan(command.offset, size));
  return std::nullopt;
}

void Device::trust(const Paths::Way& way, Instant now) {
  const bool suspect = way.path->suspect;
  paths_.answered(way, now);
  if (trace_ && suspect) trace_.path(now, way, "trusted, answered");
}

bool Device::is_to_be_split(const AtaCommand& command, const Paths::Way& way,
                            const Completion& result, Instant now) {
  const bool refused =
      (result.error == IoError::aoe_error && result.aoe_error == ErrorCode::bad_argument) ||
      (result.error == IoError::ata_error && (result.ata_error & ata::error_abrt) != 0);
  if (!refused || command.kind == IoKind::trim) return false;
  // The refusal bears out what the target is said to take.
  RemoteTarget& remote = *way.remote;
  if (command.sectors > remote.claim.sector_count &&
      remote.offer.sector_count != remote.claim.sector_count) {
    remote.offer.sector_count = remote.claim.sector_count;
    membership_.ask_offer(*way.path, now);
  }
  const std::size_t fits = paths_.payload_now(way, command.kind);
  return fits > 0 && command.sectors > fits;
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
  for (Index i = 0; i < commands_.end(); ++i) {
    if (commands_.is_used(i)) deadline_ = std::min(deadline_, due(commands_[i]));
  }
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
  if (state_ == DeviceState::identifying) {
    become(DeviceState::up, "identified", now);
    identify_failure_.reset();
    event.kind = Event::Kind::device_up;
    report(event, shared_.trace, now, out);
    identity_ = identity;
  } else if (judgement == Membership::Judgement::adopted) {
    event.kind = Event::Kind::device_resized;
    if (identity_->sectors != identity.sectors) report(event, shared_.trace, now, out);
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
