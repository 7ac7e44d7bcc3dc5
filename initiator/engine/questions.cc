#include "initiator/engine/questions.h"

#include <algorithm>

#include "base/check.h"
#include "initiator/engine/device.h"
#include "proto/identify.h"

namespace aoe::initiator {
namespace {

using Kind = Question::Kind;
using DriverTick = std::chrono::duration<std::int64_t, std::deci>;  // how often its timer looks

}  // namespace

void Questions::ask(Path& path, const Question& question) {
  if (path.question.is_pending()) return;
  path.question = question;
  unsent_ = true;
  deadline_ = std::min(deadline_, question.due);
}

void Questions::hasten(const Paths::Way& way, Instant now) {
  Question& question = way.path->question;
  if (!question.sent || is_linux()) return;
  const Instant due = std::max(now, question.last_sent + way.remote->rtt.timeout(1));
  question.due = std::min(question.due, due);
  deadline_ = std::min(deadline_, question.due);
}

void Questions::repeat(Path& path, Instant due) {
  path.question.due = due;
  unsent_ = true;
}

bool Questions::is_asking() const {
  return std::ranges::any_of(paths_.remotes(), [](const RemoteTarget& remote) {
    return std::ranges::any_of(remote.paths,
                               [](const Path& path) { return path.question.is_pending(); });
  });
}

void Questions::send(Instant now, Actions& out) {
  if (!unsent_) return;
  unsent_ = false;
  for (RemoteTarget& remote : paths_.remotes()) {
    for (Path& path : remote.paths) {
      const Question& question = path.question;
      if (!question.is_pending() || question.sent) continue;
      if (question.due > now || !shared_.ports.is_usable(path.port) ||
          !remote.window.has_buffer()) {
        unsent_ = true;
      } else {
        transmit({&remote, &path}, now, out);
      }
    }
  }
  reckon_deadline(now);
}

/// What only waits for room, or for its port, is sent when that is there.
void Questions::reckon_deadline(Instant now) {
  deadline_ = never;
  for (const RemoteTarget& remote : paths_.remotes()) {
    for (const Path& path : remote.paths) {
      const Question& question = path.question;
      if (!question.is_pending() || (!question.sent && question.due <= now)) continue;
      deadline_ = std::min(deadline_, question.due);
    }
  }
}

void Questions::transmit(const Paths::Way& way, Instant now, Actions& out) {
  Question& question = way.path->question;
  Transmission& transmission = shared_.tags.issue();
  transmission.device = &device_;
  transmission.path = way.path->serial;
  transmission.asked = way.remote->mac;
  transmission.sent = now;
  const std::uint32_t old_tag = std::exchange(question.tag, transmission.tag);
  if (question.attempts == 0) question.first_sent = now;
  question.sent = true;
  question.last_sent = now;
  question.due = now + way.remote->rtt.timeout(++question.attempts);
  if (is_linux()) {
    question.due = Instant(std::chrono::ceil<DriverTick>(question.due.time_since_epoch()));
  }
  paths_.sent(way, now);
  ++way.remote->questions;
  ++counters_.commands;
  if (question.attempts > 1) {
    ++counters_.retransmissions;
    report({.kind = Event::Kind::retransmission,
            .device = device_.address(),
            .port = way.path->port,
            .mac = way.remote->mac,
            .tag = question.tag,
            .old_tag = old_tag,
            .attempt = question.attempts},
           shared_.trace, now, out);
  }

  Transmit& frame = out.frames.emplace_back();
  frame.port = way.path->port;
  const Header header{way.remote->mac, shared_.ports[frame.port].mac, device_.address(),
                      question.tag};
  AtaRequest ata{.sectors = 1, .opcode = ata::Opcode::identify_device};
  if (question.kind == Kind::sample || question.kind == Kind::last_sector) {
    ata = {.flags = {.extended = question.extended},
           .sectors = question.sectors,
           .opcode = question.extended ? ata::Opcode::read_sectors_ext : ata::Opcode::read_sectors,
           .lba = question.lba};
  }
  if (trace_) trace_.asked(now, question, ata, way);
  const Body body = question.kind == Kind::config ? Body(ConfigRequest{}) : Body(ata);
  frame.head_size = static_cast<std::uint8_t>(encode(header, body, frame.head));
}

void Questions::withdraw(const Paths::Way& way) {
  Question& question = way.path->question;
  if (!question.sent) return;
  Transmission* const transmission = shared_.tags.find(question.tag);
  AOE_CHECK(transmission != nullptr);
  shared_.tags.retire(*transmission, Transmission::State::superseded);
  paths_.withdrawn(way);
  --way.remote->questions;
  question.sent = false;
}

void Questions::clear() {
  unsent_ = false;
  deadline_ = never;
}

std::vector<std::uint64_t> Questions::overdue(Instant now) const {
  std::vector<std::uint64_t> found;
  for (const RemoteTarget& remote : paths_.remotes()) {
    for (const Path& path : remote.paths) {
      const Question& question = path.question;
      if (question.is_pending() && question.sent && now >= question.due) {
        found.push_back(path.serial);
      }
    }
  }
  return found;
}

void Questions::expired(const Paths::Way& way, Instant now) {
  const Instant sent = way.path->question.last_sent;
  withdraw(way);
  if (!way.remote->is_member() || !way.path->proven) return;
  const bool is_lost_alone = std::ranges::any_of(
      way.remote->paths, [sent](const Path& path) { return path.heard > sent; });
  if (is_lost_alone && !is_linux()) {
    way.remote->window.lost(sent);
  } else {
    way.remote->window.expired(sent, now);
  }
  way.path->speed.lost();
  paths_.expired(way, sent, now);
}

// Answers.

Command Questions::command_of(const Transmission& transmission) {
  const auto way = paths_.find(transmission.path);
  const bool is_config = way && way->path->question.kind == Kind::config;
  return is_config ? Command::config : Command::ata;
}

std::size_t Questions::size_of(const Transmission& transmission) {
  const auto way = paths_.find(transmission.path);
  if (!way) return 0;
  const Question& question = way->path->question;
  if (question.kind == Kind::identify) return identify_size;
  return question.sectors * sector_size;
}

Question Questions::answered(const Paths::Way& way, Transmission& transmission, Instant now) {
  shared_.tags.retire(transmission, Transmission::State::answered);
  way.remote->rtt.sample(now - transmission.sent);
  way.remote->window.answered();
  --way.remote->questions;
  if (way.path->is_suspect()) way.path->speed.forget();
  way.path->speed.answered(now - transmission.sent, now);
  if (way.remote->is_member()) {
    paths_.answered(way, now);
  } else {
    way.remote->heard = now;
  }
  return std::exchange(way.path->question, {});
}

}  // namespace aoe::initiator
