#include "initiator/engine/membership.h"

#include <algorithm>

#include "base/check.h"
#include "initiator/engine/device.h"

namespace aoe::initiator {
namespace {

using Kind = Question::Kind;

/// Returns the first path of a remote target that can be used, a trusted one if there is any.
Path* path_to(RemoteTarget& remote, const PortTable& ports) {
  Path* found = nullptr;
  for (Path& path : remote.paths) {
    if (!path.proven || !ports.is_usable(path.port)) continue;
    if (found == nullptr || (found->is_suspect() && !path.is_suspect())) found = &path;
  }
  return found;
}

}  // namespace

// Questions.

void Membership::heard(const Paths::Way& way, bool announced, bool open, Instant now) {
  RemoteTarget& remote = *way.remote;
  Path& path = *way.path;
  const bool is_part = remote.is_member() && path.proven;
  const bool suspends =
      is_part && open && announced &&
      (remote.suspended_at == Instant::min() || now >= remote.suspended_at + suspension_distance);
  if (path.question.is_pending()) {
    if (path.is_suspect()) questions_.hasten(way, now);
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
    questions_.ask(path, {.kind = kind, .due = std::max(granted, at)});
  };
  if (is_part && open && announced) {
    if (suspends) remote.suspended_since = remote.suspended_at = now;
    ask_soon(Kind::identify, !suspends);
  } else if (is_part && remote.claim != remote.offer) {
    heed_claim(remote, now);
    ask_soon(Kind::config, false);
  } else if (!is_part || path.is_suspect() || !open) {
    ask_soon(Kind::identify, !remote.is_member());
  }
}

void Membership::heed_claim(RemoteTarget& remote, Instant now) {
  if (remote.claim_heeded != Instant::min() && now < remote.claim_heeded + identify_distance)
    return;
  remote.heeds_claim = true;
  remote.claim_heeded = now;
}

void Membership::ask_offer(Path& path, Instant now) {
  questions_.ask(path, {.kind = Kind::config, .due = now});
}

void Membership::identify_members(Instant now) {
  for (RemoteTarget& remote : paths_.remotes()) {
    if (!remote.is_member()) continue;
    if (Path* const path = path_to(remote, shared_.ports)) {
      questions_.ask(*path, {.kind = Kind::identify, .due = now});
    }
  }
}

void Membership::identify_by_all_paths(RemoteTarget& remote, Instant now) {
  for (Path& path : remote.paths) {
    if (path.proven) questions_.ask(path, {.kind = Kind::identify, .due = now});
  }
}

/// What is compared goes on without a path that it read by.
void Membership::ended(const Paths::Way& way) {
  way.path->question = {};
  way.remote->heeds_claim = false;
  if (is_comparing(*way.path)) comparison_.reset();
  if (doubt_ != nullptr && doubt_->path == way.path->serial) doubt_.reset();
}

void Membership::drop(const Paths::Way& way) {
  questions_.withdraw(way);
  ended(way);
}

void Membership::drop_all() {
  for (RemoteTarget& remote : paths_.remotes()) {
    for (Path& path : remote.paths) drop({&remote, &path});
  }
  questions_.clear();
}

void Membership::drop_port(PortId port) {
  for (RemoteTarget& remote : paths_.remotes()) {
    for (Path& path : remote.paths) {
      if (path.port != port) continue;
      drop({&remote, &path});
      path.proven = false;  // it is about to be removed
      Path* const other = remote.is_suspended() ? path_to(remote, shared_.ports) : nullptr;
      if (other == nullptr) continue;
      drop({&remote, other});  // what it is asked already, it may have been asked before it came up
      questions_.ask(*other, {.kind = Kind::identify});
    }
  }
}

bool Membership::expire(const View& view, Instant now, Actions& out) {
  if (now < deadline()) return false;
  for (const std::uint64_t serial : questions_.overdue(now)) {
    const auto way = *paths_.find(serial);
    questions_.expired(way, now);
    const Question& question = way.path->question;
    if (question.kind == Kind::sample && way.path->is_suspect() && view.identity != nullptr) {
      lose_reference(way, *view.identity, now, out);
      continue;
    }
    if (is_dead(way, view, now)) return true;
    repeat_or_drop(way, view, now);
  }
  go_on_comparing(now);
  questions_.send(now, out);
  questions_.reckon_deadline(now);
  return false;
}

/// A member has fallen silent that another target is compared with.
void Membership::lose_reference(const Paths::Way& way, const Identity& identity, Instant now,
                                Actions& out) {
  const auto candidate = is_comparing(*way.path) ? comparison_->candidate() : std::nullopt;
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
  const Question& question = way.path->question;
  const bool is_part = way.remote->is_member() && way.path->proven;
  const bool is_needed =
      view.identity == nullptr ||
      (is_part && (way.remote->is_suspended() || !has_answered(question.first_sent)));
  // Others may be well.
  if (is_part && question.attempts == 1 && !is_linux()) identify_members(now);
  if (is_part && way.remote->is_suspended()) identify_by_all_paths(*way.remote, now);
  if (question.attempts < attempts_max || is_needed) {
    return questions_.repeat(*way.path, shared_.pace.reserve(IdentifyPace::Attempt::repeated, now));
  }
  ended(way);
  if (!is_part) paths_.remove(way);
}

// Answers.

Membership::Answer Membership::on_answer(Transmission& transmission, const Frame& frame,
                                         const View& view, Instant now, Actions& out) {
  const auto way = paths_.find(transmission.path);
  AOE_CHECK(way.has_value());
  const auto* config = std::get_if<ConfigReply>(&*frame.body);
  const auto* ata = std::get_if<AtaReply>(&*frame.body);
  const auto* error = std::get_if<ErrorReply>(&*frame.body);
  const Question question = questions_.answered(*way, transmission, now);

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
    if (transmission.sent >= way->remote->suspended_since) way->remote->suspended_since = never;
  } else if (question.kind == Kind::identify && way->remote->is_member() && view.open) {
    way->remote->suspended_since = now;  // until it is known which size it has
  }
  go_on_comparing(now);  // it may have waited for this path
  if (way->remote->is_member() && way->remote->claim != way->remote->offer) {
    heed_claim(*way->remote, now);
    questions_.ask(*way->path, {.kind = Kind::config, .due = now});
  } else if (question.kind == Kind::config && !view.open) {
    questions_.ask(*way->path, {.kind = Kind::identify, .due = now});
  }
  return answer;
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
    return questions_.ask(*way.path, {.kind = Kind::identify, .due = now + identify_distance});
  }
  doubt_ = std::make_unique<Doubt>(Doubt{way.path->serial, usable});
  questions_.ask(*way.path, {.kind = Kind::last_sector,
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
          .device = device_.address(),
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
  if (is_known(remote.mac) || is_proof(identity.serial, device_.address())) return join(remote);
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
  Event event{.kind = kind, .device = device_.address(), .mac = remote.mac, .sectors = sectors};
  if (remote.said) event.serial = remote.said->serial;
  report(event, shared_.trace, now, out);
}

// Content.

void Membership::compare(const Paths::Way& way, std::optional<std::uint64_t> written,
                         const Identity& identity, Instant now) {
  if (comparison_ != nullptr && comparison_->is_possible()) {
    return;  // one at a time; the next when it is over
  }
  comparison_.reset();
  for (RemoteTarget& member : paths_.remotes()) {
    Path* const path = member.is_member() ? path_to(member, shared_.ports) : nullptr;
    if (path == nullptr || path->is_suspect()) continue;
    comparison_ = std::make_unique<ContentComparison>(device_, paths_, questions_, *way.path, *path,
                                                      identity, written);
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
  if (comparison_ != nullptr && !comparison_->go_on(now)) comparison_.reset();
}

void Membership::take_sample(const Paths::Way& way, const Question& question, Bytes data,
                             const View& view, Instant now, Actions& out) {
  if (!is_comparing(*way.path)) return;
  const ContentSample::Verdict verdict = comparison_->take(way, question, data, now);
  const auto candidate = comparison_->candidate();
  if (!candidate || !comparison_->is_possible()) return comparison_.reset();
  if (verdict == ContentSample::Verdict::undecided) return;
  const std::uint64_t lba = comparison_->lba_last();
  comparison_.reset();
  RemoteTarget& remote = *candidate->remote;
  if (remote.is_member()) return;
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

bool Membership::is_comparing(const Path& path) const {
  return comparison_ != nullptr && comparison_->involves(path);
}

}  // namespace aoe::initiator
