#include "initiator/engine/membership.h"

#include <algorithm>

#include "base/check.h"
#include "initiator/engine/device.h"

namespace aoe::initiator {
namespace {

using Kind = Question::Kind;
using DriverTick = std::chrono::duration<std::int64_t, std::deci>;  // how often its timer looks

/// Returns the first path of a remote target that can be used, a trusted one if there is any.
Path* path_to(RemoteTarget& remote, const PortTable& ports) {
  Path* found = nullptr;
  for (Path& path : remote.paths) {
    if (!path.proven || !ports.is_usable(path.port)) continue;
    if (found == nullptr || (found->suspect && !path.suspect)) found = &path;
  }
  return found;
}

}  // namespace

// Questions.

void Membership::ask(Path& path, Question question) {
  if (path.question.is_pending()) return;
  path.question = question;
  unsent_ = true;
  deadline_ = std::min(deadline_, question.due);
}

void Membership::heard(const Paths::Way& way, bool announced, bool open, Instant now) {
  RemoteTarget& remote = *way.remote;
  Path& path = *way.path;
  const bool is_part = remote.is_member() && path.proven;
  const bool suspends =
      is_part && open && announced &&
      (remote.suspended_at == Instant::min() || now >= remote.suspended_at + suspension_distance);
  if (path.question.is_pending()) {
    if (!suspends) return;
    drop(way);  // what it is asked already, it may have been asked before it came up
  }
  if (!announced && is_comparing(path)) return;  // which tells more
  const auto ask_soon = [&](Kind kind, bool may_wait) {
    const Instant granted =
        remote.is_member() ? now : shared_.pace.reserve(IdentifyPace::Attempt::first, now);
    if (granted == never) return;
    const bool waits = may_wait && remote.identified != Instant::min();
    const Instant at = waits ? remote.identified + identify_distance : now;
    ask(path, {.kind = kind, .due = std::max(granted, at)});
  };
  if (is_part && open && announced) {
    if (suspends) {
      suspend(way);
      remote.suspended_at = now;
    }
    ask_soon(Kind::identify, !suspends);
  } else if (is_part && remote.claim != remote.offer) {
    if (remote.claim_heeded == Instant::min() || now >= remote.claim_heeded + identify_distance) {
      remote.heeds_claim = true;
      remote.claim_heeded = now;
    }
    ask_soon(Kind::config, false);
  } else if (!is_part || path.suspect || !open) {
    ask_soon(Kind::identify, !remote.is_member());
  }
}

void Membership::suspend(const Paths::Way& way) {
  way.remote->suspended = true;
  way.remote->suspended_by = way.path->serial;
}

void Membership::lift_suspension(const Paths::Way& way) {
  if (way.remote->suspended_by == way.path->serial) way.remote->suspended = false;
}

void Membership::ask_offer(Path& path, Instant now) {
  ask(path, {.kind = Kind::config, .due = now});
}

void Membership::identify_members(Instant now) {
  for (RemoteTarget& remote : paths_.remotes()) {
    if (!remote.is_member()) continue;
    if (Path* const path = path_to(remote, shared_.ports)) {
      ask(*path, {.kind = Kind::identify, .due = now});
    }
  }
}

bool Membership::is_asking() const {
  return std::ranges::any_of(paths_.remotes(), [](const RemoteTarget& remote) {
    return std::ranges::any_of(remote.paths,
                               [](const Path& path) { return path.question.is_pending(); });
  });
}

void Membership::send(Instant now, Actions& out) {
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
void Membership::reckon_deadline(Instant now) {
  deadline_ = never;
  for (const RemoteTarget& remote : paths_.remotes()) {
    for (const Path& path : remote.paths) {
      const Question& question = path.question;
      if (!question.is_pending() || (!question.sent && question.due <= now)) continue;
      deadline_ = std::min(deadline_, question.due);
    }
  }
}

void Membership::transmit(const Paths::Way& way, Instant now, Actions& out) {
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
            .device = address_,
            .port = way.path->port,
            .mac = way.remote->mac,
            .tag = question.tag,
            .old_tag = old_tag,
            .attempt = question.attempts},
           shared_.trace, now, out);
  }

  Transmit& frame = out.frames.emplace_back();
  frame.port = way.path->port;
  const Header header{way.remote->mac, shared_.ports[frame.port].mac, address_, question.tag};
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

void Membership::withdraw(const Paths::Way& way) {
  Question& question = way.path->question;
  if (!question.sent) return;
  Transmission* const transmission = shared_.tags.find(question.tag);
  AOE_CHECK(transmission != nullptr);
  shared_.tags.retire(*transmission, Transmission::State::superseded);
  paths_.withdrawn(way);
  --way.remote->questions;
  question.sent = false;
}

/// What is compared goes on without a path that it read by.
void Membership::ended(const Paths::Way& way) {
  way.path->question = {};
  way.remote->heeds_claim = false;
  if (is_comparing(*way.path)) comparison_.reset();
  if (doubt_ != nullptr && doubt_->path == way.path->serial) doubt_.reset();
  lift_suspension(way);
}

void Membership::drop(const Paths::Way& way) {
  withdraw(way);
  ended(way);
}

void Membership::drop_all() {
  for (RemoteTarget& remote : paths_.remotes()) {
    for (Path& path : remote.paths) drop({&remote, &path});
  }
  unsent_ = false;
  deadline_ = never;
}

void Membership::drop_port(PortId port) {
  for (RemoteTarget& remote : paths_.remotes()) {
    for (Path& path : remote.paths) {
      if (path.port != port) continue;
      const bool was_asked = remote.suspended && remote.suspended_by == path.serial;
      drop({&remote, &path});
      path.proven = false;  // it is about to be removed
      Path* const other = was_asked ? path_to(remote, shared_.ports) : nullptr;
      if (other == nullptr) continue;
      suspend({&remote, other});
      ask(*other, {.kind = Kind::identify});
    }
  }
}

bool Membership::expire(const View& view, Instant now, Actions& out) {
  if (now < deadline_) return false;
  std::vector<std::uint64_t> due;
  for (const RemoteTarget& remote : paths_.remotes()) {
    for (const Path& path : remote.paths) {
      const Question& question = path.question;
      if (question.is_pending() && question.sent && now >= question.due) due.push_back(path.serial);
    }
  }
  for (const std::uint64_t serial : due) {
    const auto way = *paths_.find(serial);
    const Question question = way.path->question;
    withdraw(way);
    if (way.remote->is_member() && way.path->proven) {
      const bool is_lost_alone = std::ranges::any_of(
          way.remote->paths, [&](const Path& path) { return path.heard > question.last_sent; });
      if (is_lost_alone && !is_linux()) {
        way.remote->window.lost(question.last_sent);
      } else {
        way.remote->window.expired(question.last_sent, now);
      }
      way.path->speed.lost();
      paths_.expired(way, question.last_sent, now);
    }
    if (question.kind == Kind::sample && way.path->suspect && view.identity != nullptr) {
      lose_reference(way, *view.identity, now, out);
      continue;
    }
    if (is_dead(way, view, now)) return true;
    repeat_or_drop(way, view, now);
  }
  go_on_comparing(now);
  send(now, out);
  reckon_deadline(now);
  return false;
}

/// A member has fallen silent that another target is compared with.
void Membership::lose_reference(const Paths::Way& way, const Identity& identity, Instant now,
                                Actions& out) {
  const auto candidate =
      is_comparing(*way.path) ? paths_.find(comparison_->candidate) : std::nullopt;
  ended(way);
  if (candidate && !candidate->remote->is_member()) try_to_join(*candidate, identity, now, out);
}

/// The answer to this question has not come in time.
bool Membership::is_dead(const Paths::Way& way, const View& view, Instant now) const {
  const Question& question = way.path->question;
  const auto deadsecs = shared_.parameters.deadsecs;
  if (deadsecs.count() == 0 || now < question.first_sent + deadsecs) return false;
  // Deadsecs of a device that is not up begin with its first config answer; the driver's do not.
  if (view.identity == nullptr) return is_linux();
  return way.remote->is_member() && !has_answered(question.first_sent);
}

bool Membership::has_answered(Instant since) const {
  return std::ranges::any_of(paths_.remotes(), [since](const RemoteTarget& remote) {
    return remote.is_member() && remote.heard > since;
  });
}

void Membership::repeat_or_drop(const Paths::Way& way, const View& view, Instant now) {
  Question& question = way.path->question;
  const bool is_part = way.remote->is_member() && way.path->proven;
  const bool is_needed =
      view.identity == nullptr || (is_part && !has_answered(question.first_sent));
  // Others may be well.
  if (is_part && question.attempts == 1 && !is_linux()) identify_members(now);
  if (question.attempts < attempts_max || is_needed) {
    question.due = shared_.pace.reserve(IdentifyPace::Attempt::repeated, now);
    unsent_ = true;
    return;
  }
  ended(way);
  if (!is_part) paths_.remove(way);
}

// Answers.

Command Membership::command_of(const Transmission& transmission) {
  const auto way = paths_.find(transmission.path);
  const bool is_config = way && way->path->question.kind == Kind::config;
  return is_config ? Command::config : Command::ata;
}

std::size_t Membership::size_of(const Transmission& transmission) {
  const auto way = paths_.find(transmission.path);
  if (!way) return 0;
  const Question& question = way->path->question;
  if (question.kind == Kind::identify) return identify_size;
  return question.sectors * sector_size;
}

Membership::Answer Membership::on_answer(Transmission& transmission, const Frame& frame,
                                         const View& view, Instant now, Actions& out) {
  const auto way = paths_.find(transmission.path);
  AOE_CHECK(way.has_value());
  const Question question = way->path->question;
  const auto* config = std::get_if<ConfigReply>(&*frame.body);
  const auto* ata = std::get_if<AtaReply>(&*frame.body);
  const auto* error = std::get_if<ErrorReply>(&*frame.body);
  shared_.tags.retire(transmission, Transmission::State::answered);
  way->remote->rtt.sample(now - transmission.sent);
  way->remote->window.answered();
  --way->remote->questions;
  if (way->path->suspect) way->path->speed.forget();
  way->path->speed.answered(now - transmission.sent);
  if (way->remote->is_member()) {
    paths_.answered(*way, now);
  } else {
    way->remote->heard = now;
  }
  way->path->question = {};

  Answer answer{.way = way};
  const bool failed = ata != nullptr && (ata->status & ata::status_failed) != 0;
  if (error != nullptr) {
    answer.result = {.error = IoError::aoe_error, .aoe_error = error->code};
  } else if (failed) {
    answer.result = {
        .error = IoError::ata_error, .ata_status = ata->status, .ata_error = ata->error};
  }
  if (trace_)
    trace_.answered(now, transmission.tag, answer.result, now - transmission.sent,
                    way->remote->rtt);
  switch (question.kind) {
    case Kind::none: break;
    case Kind::config:
      paths_.believe(*way->remote, config == nullptr
                                       ? way->remote->offer  // it does not confirm the claim
                                       : Offer{config->buffer_count, config->sector_count});
      break;
    case Kind::sample:
      take_sample(*way, question, ata != nullptr && !failed ? ata->data : Bytes(), view, now, out);
      break;
    case Kind::identify: {
      answer.kind = Answer::Kind::useless;
      if (answer.result.error != IoError::none) break;
      const auto usable = usable_identity(ata->data);
      if (usable) {
        take_identity(*way, *usable, now, answer);
      } else {
        answer.reject = usable.error();
      }
      break;
    }
    case Kind::last_sector:
      take_last_sector(*way, answer.result.error == IoError::none, now, answer, out);
      break;
  }
  if (answer.kind != Answer::Kind::nothing) {
    lift_suspension(*way);
  } else if (question.kind == Kind::identify && way->remote->is_member() && view.open) {
    suspend(*way);  // until it is known which size it has
  }
  go_on_comparing(now);  // it may have waited for this path
  if (way->remote->is_member() && way->remote->claim != way->remote->offer) {
    ask(*way->path, {.kind = Kind::config, .due = now});
  } else if (question.kind == Kind::config && !view.open) {
    ask(*way->path, {.kind = Kind::identify, .due = now});
  }
  return answer;
}

void Membership::take_sample(const Paths::Way& way, const Question& question, Bytes data,
                             const View& view, Instant now, Actions& out) {
  if (!is_comparing(*way.path) || question.lba != comparison_->sample.lba()) return;
  const bool is_candidate = way.path->serial == comparison_->candidate;
  const bool read = !data.empty();
  comparison_->skip |= !read;
  // One after the other: two commands that are alike would look like one that is repeated.
  const auto candidate = paths_.find(comparison_->candidate);
  if (read && !is_candidate && candidate) {
    // One that is being asked something else is compared from the start of this place later.
    comparison_->reading = !candidate->path->question.is_pending();
    ask_sample(*candidate->path, now);
  }
  const auto side = is_candidate ? ContentSample::candidate : ContentSample::reference;
  compared(read ? comparison_->sample.read(side, data.first(question.sectors * sector_size), now)
                : ContentSample::Verdict::undecided,
           view, now, out);
}

void Membership::take_identity(const Paths::Way& way, const UsableIdentity& usable, Instant now,
                               Answer& answer) {
  answer.kind = Answer::Kind::identified;
  answer.identity = usable.identity;
  if (!usable.smaller) return;
  if (way.remote->said == likeness(*usable.smaller)) answer.identity = *usable.smaller;
  if (way.remote->said == likeness(answer.identity)) return;  // found out before
  answer.kind = Answer::Kind::nothing;
  if (doubt_ != nullptr && doubt_->path != way.path->serial && paths_.find(doubt_->path)) {
    // One at a time.
    return ask(*way.path, {.kind = Kind::identify, .due = now + identify_distance});
  }
  doubt_ = std::make_unique<Doubt>(Doubt{way.path->serial, usable});
  ask(*way.path, {.kind = Kind::last_sector,
                  .extended = usable.identity.lba48,
                  .sectors = 1,
                  .lba = usable.identity.sectors - 1,
                  .due = now});
}

void Membership::take_last_sector(const Paths::Way& way, bool is_there, Instant now, Answer& answer,
                                  Actions& out) {
  const std::unique_ptr<Doubt> doubt = std::move(doubt_);
  if (doubt == nullptr || doubt->path != way.path->serial) return;
  answer.kind = Answer::Kind::identified;
  answer.identity = is_there ? doubt->usable.identity : *doubt->usable.smaller;
  answer.result = {};
  report({.kind = Event::Kind::ambiguous_size,
          .device = address_,
          .port = way.path->port,
          .mac = way.remote->mac,
          .sectors = answer.identity.sectors},
         shared_.trace, now, out);
}

// Judgement.

Membership::Judgement Membership::judge(const Paths::Way& way, const Identity& identity,
                                        const View& view, Instant now, Actions& out) {
  RemoteTarget& remote = *way.remote;
  const std::optional<Likeness> before = remote.said;
  remote.said = likeness(identity);
  remote.identified = now;
  way.path->proven = true;
  if (view.identity == nullptr) {
    join(remote);
    settle(identity, now, out);
    return Judgement::adopted;
  }
  const Likeness device = likeness(*view.identity);
  const bool was_member = remote.is_member();
  if (*remote.said == device) {
    if (was_member || view.revived) {
      join(remote);
      settle(*view.identity, now, out);
    } else {
      if (before != remote.said) remote.other_content = false;
      try_to_join(way, *view.identity, now, out);
    }
    return Judgement::unchanged;
  }
  remote.standing = remote.standing == Standing::foreign ? Standing::foreign : Standing::candidate;
  const bool is_resized = is_known(remote.mac) && view.identity->serial == identity.serial;
  if (paths_.is_answering()) {
    const bool confirmed = std::ranges::any_of(paths_.remotes(), [&](const RemoteTarget& other) {
      return other.is_member() && other.said == device &&
             other.identified + identify_distance > now;
    });
    if (confirmed) {
      settle(*view.identity, now, out);
    } else {
      identify_members(now);
    }
  } else if (!view.revived && (!view.open || is_resized)) {
    for (RemoteTarget& other : paths_.remotes()) {  // silent ones: they have to say it as well
      if (other.is_member()) other.standing = Standing::candidate;
    }
    if (!is_resized) known_.clear();
    join(remote);
    settle(identity, now, out);
    return Judgement::adopted;
  } else {
    become(remote, Standing::foreign, Event::Kind::foreign_disk, identity.sectors, now, out);
  }
  return was_member ? Judgement::left : Judgement::unchanged;
}

void Membership::join(RemoteTarget& remote) {
  // It may have been written to before it was forgotten: the next flush goes there as well.
  if (!remote.is_member() && device_.users() > 0) ++remote.writes;
  remote.standing = Standing::member;
  if (is_known(remote.mac)) return;
  if (known_.size() == Paths::remotes_max) known_.erase(known_.begin());
  known_.push_back(remote.mac);
}

void Membership::try_to_join(const Paths::Way& way, const Identity& identity, Instant now,
                             Actions& out) {
  RemoteTarget& remote = *way.remote;
  if (remote.other_content) return;
  if (remote.standing == Standing::foreign) remote.standing = Standing::candidate;
  if (is_known(remote.mac) || is_proof(identity.serial, address_)) return join(remote);
  if (paths_.is_answering()) return compare(way, std::nullopt, identity, now);
  become(remote, Standing::unproven, Event::Kind::unproven_disk, identity.sectors, now, out);
}

void Membership::settle(const Identity& identity, Instant now, Actions& out) {
  const Likeness device = likeness(identity);
  for (RemoteTarget& remote : paths_.remotes()) {
    if (remote.is_member() || !remote.said) continue;
    if (*remote.said != device) {
      become(remote, Standing::foreign, Event::Kind::foreign_disk, remote.said->sectors, now, out);
    } else if (Path* const path = path_to(remote, shared_.ports);
               path != nullptr && remote.standing != Standing::unproven) {
      try_to_join({&remote, path}, identity, now, out);
    }
  }
}

void Membership::become(RemoteTarget& remote, Standing standing, Event::Kind kind,
                        std::uint64_t sectors, Instant now, Actions& out) {
  if (remote.standing == standing) return;
  remote.standing = standing;
  unproven_ += standing == Standing::unproven;
  Event event{.kind = kind, .device = address_, .mac = remote.mac, .sectors = sectors};
  if (remote.said) event.serial = remote.said->serial;
  report(event, shared_.trace, now, out);
}

// Content.

void Membership::compare(const Paths::Way& way, std::optional<std::uint64_t> written,
                         const Identity& identity, Instant now) {
  if (comparison_ != nullptr && paths_.find(comparison_->candidate) &&
      paths_.find(comparison_->reference)) {
    return;  // one at a time; the next when it is over
  }
  comparison_.reset();
  for (RemoteTarget& member : paths_.remotes()) {
    Path* const path = member.is_member() ? path_to(member, shared_.ports) : nullptr;
    if (path == nullptr || path->suspect) continue;
    comparison_ = std::make_unique<Comparison>(Comparison{
        way.path->serial, path->serial, identity.lba48 || identity.sectors > ata::lba28_sectors_max,
        ContentSample(identity.sectors, written)});
    return go_on_comparing(now);
  }
}

void Membership::try_written(std::uint64_t lba, const View& view, Instant now) {
  if (comparison_ != nullptr || view.identity == nullptr) return;
  unproven_ = 0;
  for (RemoteTarget& remote : paths_.remotes()) {
    if (remote.standing != Standing::unproven) continue;
    ++unproven_;
    if (Path* const path = path_to(remote, shared_.ports)) {
      compare({&remote, path}, lba, *view.identity, now);
    }
  }
}

void Membership::go_on_comparing(Instant now) {
  if (comparison_ == nullptr || comparison_->reading) return;
  ContentSample& sample = comparison_->sample;
  const auto candidate = paths_.find(comparison_->candidate);
  const auto reference = paths_.find(comparison_->reference);
  if (!candidate || !reference || !reference->remote->is_member()) return comparison_.reset();
  if (candidate->path->question.is_pending() || reference->path->question.is_pending()) return;
  comparison_->reading = true;
  ask_sample(*reference->path, std::max(now, sample.due()));
  sample.begin(device_.is_changing(sample.lba(), sample.sectors()));
}

bool Membership::is_comparing(const Path& path) const {
  return comparison_ != nullptr &&
         (path.serial == comparison_->candidate || path.serial == comparison_->reference);
}

void Membership::ask_sample(Path& path, Instant due) {
  const ContentSample& sample = comparison_->sample;
  ask(path, {.kind = Kind::sample,
             .extended = comparison_->extended,
             .sectors = sample.sectors(),
             .lba = sample.lba(),
             .due = due});
}

void Membership::compared(ContentSample::Verdict verdict, const View& view, Instant now,
                          Actions& out) {
  const auto candidate = paths_.find(comparison_->candidate);
  const auto reference = paths_.find(comparison_->reference);
  if (!candidate || !reference) return comparison_.reset();
  if (candidate->path->question.is_pending() || reference->path->question.is_pending()) return;
  if (!std::exchange(comparison_->reading, false)) return;
  if (std::exchange(comparison_->skip, false)) verdict = comparison_->sample.skip();
  if (verdict == ContentSample::Verdict::undecided) return go_on_comparing(now);
  const std::uint64_t lba = comparison_->sample.lba_last();
  comparison_.reset();
  if (candidate->remote->is_member()) return;
  RemoteTarget& remote = *candidate->remote;
  switch (verdict) {
    case ContentSample::Verdict::undecided: break;
    case ContentSample::Verdict::same: join(remote); break;
    case ContentSample::Verdict::different:
      remote.other_content = true;
      become(remote, Standing::foreign, Event::Kind::foreign_content, lba, now, out);
      break;
    case ContentSample::Verdict::blank:
      become(remote, Standing::unproven, Event::Kind::unproven_disk, remote.said->sectors, now,
             out);
      break;
  }
  if (view.identity != nullptr) settle(*view.identity, now, out);  // the next candidate
}

}  // namespace aoe::initiator
