// The part of a device that takes answers: to its commands, and to what its remote targets were asked.
#include "base/check.h"
#include "initiator/engine/device.h"

namespace aoe::initiator {
namespace {

constexpr std::uint8_t error_write_protected =
    0x40;  // WP of the error register, of removable media

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
    if (!transmission.cancelled) reject(Event::Kind::late_answer);
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
  way->path->speed.answered(transmission.timed ? now - transmission.sent : PathSpeed::none, now);
  const unsigned window = way->remote->window.size();
  way->remote->window.answered();
  if (trace_) trace_.window(now, *way->remote, window, "answered");
  trust(*way, now);
  passed(transmission, *way, now, out);
  if (command.collapsed == way->remote->mac) {
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
  const auto way = paths_.find(transmission.path);
  if (way && way->remote->is_member()) passed(transmission, *way, now, out);
  const bool was_away = way && (way->remote->is_suspended() || Paths::is_absent(*way->path, now));
  const auto answer = membership_.on_answer(transmission, frame, view(), now, out);
  if (answer.kind == Membership::Answer::Kind::identified) {
    on_identity(*answer.way, answer.identity, event, now, out);
    if (was_away) hasten(transmission, now);
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
  const bool suspect = way.path->is_suspect();
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

}  // namespace aoe::initiator
