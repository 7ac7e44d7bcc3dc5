#include "harness/judge/exchanges.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "harness/judge/frame_rules.h"
#include "harness/language/time_window.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

/// The answer takes a disk's time rather than a link's, so it is no sample.
bool takes_disk_time(ata::Opcode opcode) {
  return ata::kind(opcode) == ata::Kind::flush || opcode == ata::Opcode::data_set_management;
}

std::uint64_t number(Address address) {
  return std::uint64_t{address.shelf} << 8 | address.slot;
}

bool answers_ata(const LedgerEntry& entry) {
  return entry.kind == FrameKind::ata_reply || entry.kind == FrameKind::ata_error;
}

/// Questions that were sent again while their answer was on the way, within `slack` of it: their sender
/// takes that, and waits for no other.
std::vector<std::uint64_t> crossed(const Tracker& tracker, const Ledger& ledger,
                                   Tracker::Remote remote, Duration slack) {
  std::vector<std::uint64_t> questions;
  if (slack == Duration{}) return questions;
  for (const Tracker::Request& again : tracker.requests()) {
    if (again.remote != remote || !tracker.is_open(again.question)) continue;
    const Instant sent = ledger[again.id].sent;
    const bool is_crossed =
        std::ranges::any_of(tracker.requests(), [&](const Tracker::Request& before) {
          if (before.id >= again.id || before.question != again.question) return false;
          const Instant answered = ledger[before.id].answered;
          return sent - answered <= slack && answered - sent <= slack;
        });
    const bool is_new = std::ranges::find(questions, again.question) == questions.end();
    if (is_crossed && is_new) questions.push_back(again.question);
  }
  return questions;
}

}  // namespace

std::optional<FrameId> Exchanges::find_forgotten(std::uint32_t tag) const {
  if (!tracker_.has_forgotten()) return std::nullopt;
  for (FrameId id = ledger_.size(); id-- > 0;) {
    const LedgerEntry& entry = ledger_[id];
    if (entry.kind == FrameKind::ata_request && entry.tag == tag && entry.client == client_)
      return id;
  }
  return std::nullopt;
}

Tracker::Remote Exchanges::remote(const Mac& mac, Address address) {
  const auto is_it = [&](const Remote& remote) {
    return remote.mac == mac && remote.address == address;
  };
  if (last_remote_ < remotes_.size() && is_it(remotes_[last_remote_])) return last_remote_;
  const std::uint64_t key = layout::number(mac) ^ number(address) << 40;
  // Two of them may have one key: an address and a LUN that only look like another pair.
  for (auto [place, end] = remotes_by_key_.equal_range(key); place != end; ++place) {
    if (is_it(remotes_[place->second])) return place->second;
  }
  const auto index = static_cast<Tracker::Remote>(remotes_.size());
  remotes_.push_back({mac, address, RtoBound(profile_)});
  remotes_by_key_.emplace(key, index);
  return index;
}

RtoBound Exchanges::last_model() const {
  return last_remote_ < remotes_.size() ? remotes_[last_remote_].model : RtoBound(profile_);
}

void Exchanges::sent(LedgerEntry& entry, Bytes bytes, const Frame& frame) {
  if (!entry.injected) {
    const std::string_view field = set_reserved_field(bytes, frame);
    if (!field.empty()) {
      report(Check::reserved_zero, fmt::format("{} has something in {}", name(entry.id), field),
             {entry.id});
    }
  }
  if (entry.direction == Direction::to_initiator) {
    if (answers_ata(entry)) reply_sent(entry, frame);
  } else if (entry.kind == FrameKind::ata_request) {
    request_sent(entry, frame);
  }
}

void Exchanges::request_sent(LedgerEntry& entry, const Frame& frame) {
  const Tracker::Remote remote = this->remote(frame.header.destination, entry.address);
  // Each address of a disk is asked which disk it is, and each that was written to is flushed: to ask
  // the second repeats nothing. Who a target is may be asked when it comes back, while what was sent
  // to it before is lost, and before that is sent again.
  const bool identifies = entry.opcode == ata::Opcode::identify_device;
  const std::uint64_t path = 1 + remote + (std::uint64_t{entry.from} << 32);
  const std::uint64_t whom = identifies || takes_disk_time(entry.opcode) ? path : 0;
  const Tracker::Sent sent = tracker_.send({.id = entry.id,
                                            .key = entry.tag,
                                            .question = Tracker::question_of(entry, whom),
                                            .remote = remote,
                                            .source = frame.header.source,
                                            .awaited = !entry.injected,
                                            .takes_room = !identifies},
                                           entry);
  if (entry.injected) return;  // it may be answered; nothing else is known of its sender
  const unsigned attempt = tracker_[sent.index].attempt;
  if (identifies && attempt == 1)
    identifies_[number(entry.address)].push_back(tracker_[sent.index].question);
  last_remote_ = remote;
  const RtoBound& model = remotes_[remote].model;
  entry.remote = static_cast<std::uint16_t>(remote);
  entry.wait = takes_disk_time(entry.opcode) ? model.flush_rto(attempt) : model.rto(attempt);
  if (entry.repeats && attempt > 1 && must_wait(entry, ledger_[*entry.repeats], attempt - 1)) {
    const LedgerEntry& before = ledger_[*entry.repeats];
    report(Check::no_early_retransmit,
           fmt::format("{} repeats #{} after {}, its timeout is {}", name(entry.id), before.id,
                       describe(entry.sent - before.sent), describe(before.wait)),
           {before.id, entry.id});
  }
  if (sent.tag_holder) {
    report(Check::tag_unique_in_flight,
           fmt::format("{} has the tag of {}, which is still unanswered", name(entry.id),
                       name(*sent.tag_holder)),
           {*sent.tag_holder, entry.id});
  }
  if (sent.adds) check_window(entry, remote);
}

void Exchanges::reply_sent(LedgerEntry& entry, const Frame& frame) {
  if (Request* const request = tracker_.find(entry.tag)) {
    entry.answers = request->id;
    if (entry.injected) return;
    check_answerer(entry, frame, *request);
    check_answer(entry, request->id, ++request->answers, request->arrivals);
    return;
  }
  if (entry.injected || std::ranges::find(excused_tags_, entry.tag) != excused_tags_.end()) return;
  if (count(Check::no_unasked_reply) < findings_kept) entry.answers = find_forgotten(entry.tag);
  if (entry.answers) {
    const FrameId request = *entry.answers;
    std::uint64_t answers = 0;
    for (FrameId id = request + 1; id < ledger_.size(); ++id)
      answers += ledger_[id].answers == request;
    check_answer(entry, request, answers, ledger_[request].deliveries);
  } else if (!refuses_headless(entry)) {
    report(Check::no_unasked_reply, fmt::format("{} has a tag that no request had", name(entry.id)),
           {entry.id});
  }
}

void Exchanges::delivered(LedgerEntry& entry, PortIndex /*to*/, Instant now) {
  if (answers_ata(entry)) {
    if (entry.direction == Direction::to_initiator) answered(entry.tag, &entry, now);
  } else if (entry.kind == FrameKind::ata_request && entry.direction == Direction::to_target) {
    // With an old tag used again, the target may answer either transmission.
    if (Request* const latest = tracker_.find(entry.tag)) ++latest->arrivals;
  }
}

void Exchanges::delivered_config(const Frame& frame, PortIndex /*to*/, Instant now) {
  if (!frame.response || !frame.body || !std::holds_alternative<ConfigReply>(*frame.body)) return;
  Remote& there = remotes_[remote(frame.header.source, frame.header.address)];
  there.buffers_before = there.buffers;
  there.buffers = std::get<ConfigReply>(*frame.body).buffer_count;
  there.buffers_since = now;
  // Once a target is back, each of its addresses is asked anew who it is.
  for (const std::uint64_t question : std::exchange(identifies_[number(there.address)], {}))
    tracker_.restart(question);
}

void Exchanges::delivered_altered(const LedgerEntry& entry, const Frame& frame, PortIndex /*to*/,
                                  Instant now) {
  // Either end ignores it.
  if (frame.response != (entry.direction == Direction::to_initiator)) return;
  if (!frame.response) {
    // The target may answer whatever it takes the frame for.
    if (Request* const request = tracker_.find(frame.header.tag)) {
      ++request->arrivals;
    } else {
      excused_tags_.push_back(frame.header.tag);
    }
  } else if (const Request* const request = tracker_.find(frame.header.tag)) {
    if (is_answer(frame, *request)) answered(frame.header.tag, nullptr, now);
  }
}

bool Exchanges::is_answer(const Frame& frame, const Request& request) const {
  if (frame.command != static_cast<std::uint8_t>(Command::ata) || !frame.body) return false;
  const LedgerEntry& asked = ledger_[request.id];
  if (frame.header.address != asked.address || frame.header.destination != request.source)
    return false;
  const auto* reply = std::get_if<AtaReply>(&*frame.body);
  return reply == nullptr || (reply->status & ata::status_failed) != 0 ||
         ata::kind(asked.opcode) != ata::Kind::read ||
         reply->data.size() >= asked.sectors * sector_size;
}

void Exchanges::answered(std::uint32_t tag, LedgerEntry* reply, Instant now) {
  Request* const request = tracker_.find(tag);
  if (request == nullptr || !request->awaited) return;
  LedgerEntry& asked = ledger_[request->id];
  asked.answered = now;
  if (!takes_disk_time(asked.opcode)) {
    RtoBound& model = remotes_[request->remote].model;
    model.sample(asked.sent, now - asked.sent);
    if (asked.opcode == ata::Opcode::identify_device)
      remotes_[request->remote].rto_identified = model.rto(1);
    if (reply != nullptr) reply->wait = model.reordering_wait(1);
  }
  tracker_.answer(*request);
}

void Exchanges::abandon(Address address) {
  for (Tracker::Remote remote = 0; remote < remotes_.size(); ++remote) {
    if (remotes_[remote].address != address) continue;
    remotes_[remote].model = RtoBound(profile_);
    tracker_.abandon(remote);
  }
}

void Exchanges::port_changed(Instant now) {
  port_changed_ = now;
  for (Remote& there : remotes_) there.model.may_forget(now);
  tracker_.free_room();
}

// Rules.

void Exchanges::report(Check check, std::string actual, std::vector<FrameId> frames) {
  if (++counts_[static_cast<std::size_t>(check)] > findings_kept) return;
  Finding finding{.rule = std::string(text(check)),
                  .clause = std::string(row(check).clause),
                  .expected = rule(check),
                  .actual = std::move(actual),
                  .frames = std::move(frames),
                  .certain = check != Check::no_early_retransmit};
  findings_.push_back(std::move(finding));
}

std::string Exchanges::name(FrameId id) const {
  return fmt::format("#{} ({})", id, ledger_.summary(id));
}

bool Exchanges::must_wait(const LedgerEntry& entry, const LedgerEntry& before,
                          unsigned attempt_before) const {
  if (entry.sent + slack_ >= before.sent + before.wait || before.sent <= port_changed_)
    return false;
  if (profile_ == RtoModel::Profile::linux_driver) return true;
  // Another address of the disk has said who it is: what waited for the first goes there at once.
  if (entry.remote != before.remote && is_identified_since(before, entry.remote, entry.id))
    return false;
  // The searches are only made for what its timeout does not excuse.
  const Remote& there = remotes_[before.remote];
  const RtoBound& model = there.model;
  const bool is_disks = takes_disk_time(before.opcode);
  // A flush goes once for each address that the disk was written by, all of them to the one that is
  // left.
  if (ata::kind(before.opcode) == ata::Kind::flush && has_other_address(there)) return false;
  // Its timeouts have grown while the target was away, which is back.
  if (attempt_before >= 2 && is_identified_since(before, before.remote, entry.id) &&
      entry.sent + slack_ >=
          before.sent +
              (is_disks ? model.flush_rto(1) : std::min(model.rto(1), there.rto_identified))) {
    return false;
  }
  if (may_be_done(before, entry.id)) return false;
  const LedgerEntry* const answer = is_disks ? nullptr : overtaken_by(before, entry.id);
  if (answer == nullptr) return true;
  const unsigned eightfolds = std::min(attempt_before - 1, 5U);
  return entry.sent + slack_ < answer->delivered + answer->wait * (1LL << 3 * eightfolds);
}

bool Exchanges::is_identified_since(const LedgerEntry& request, Tracker::Remote remote,
                                    FrameId end) const {
  for (FrameId id = request.id + 1; id < end; ++id) {
    const LedgerEntry& entry = ledger_[id];
    if (entry.opcode == ata::Opcode::identify_device && entry.client == client_ &&
        entry.remote == remote && entry.kind == FrameKind::ata_request && entry.answered != never) {
      return true;
    }
  }
  return false;
}

bool Exchanges::may_be_done(const LedgerEntry& request, FrameId end) const {
  for (std::optional<FrameId> id = request.repeats; id; id = ledger_[*id].repeats) {
    if (ledger_[*id].answered != never) return true;
  }
  for (FrameId id = request.id + 1; id < end; ++id) {
    const LedgerEntry& piece = ledger_[id];
    if (piece.kind == FrameKind::ata_request && piece.client == client_ &&
        piece.address == request.address && piece.opcode == request.opcode &&
        piece.lba == request.lba && piece.sectors < request.sectors) {
      return true;
    }
  }
  return false;
}

const LedgerEntry* Exchanges::overtaken_by(const LedgerEntry& request, FrameId end) const {
  const LedgerEntry* first = nullptr;
  for (FrameId id = request.id + 1; id < end; ++id) {
    const LedgerEntry& entry = ledger_[id];
    if (!entry.answers || *entry.answers <= request.id || entry.wait == Duration{} ||
        entry.client != client_)
      continue;
    if (ledger_[*entry.answers].remote != request.remote) continue;
    if (first == nullptr || entry.delivered < first->delivered) first = &entry;
  }
  return first;
}

std::uint16_t Exchanges::window_of(const Remote& remote, Instant now) const {
  if (!remote.buffers) return window_;
  std::uint16_t buffers = *remote.buffers;
  // The initiator may not have received the last one yet.
  if (slack_ > Duration{} && now <= remote.buffers_since + slack_)
    buffers = std::max(buffers, remote.buffers_before.value_or(window_));
  return std::min(std::max<std::uint16_t>(buffers, 1), most_);  // 0 is read as 1
}

void Exchanges::check_window(const LedgerEntry& entry, Tracker::Remote remote) {
  const Remote& there = remotes_[remote];
  const std::uint16_t window = window_of(there, entry.sent);
  if (tracker_.waiting(remote) <= window) return;
  close_divided(remote);
  for (const std::uint64_t question : crossed(tracker_, ledger_, remote, slack_))
    tracker_.close(question);
  if (tracker_.waiting(remote) <= window) return;
  // What is taken for lost takes no room, whether it or another is sent in its place.
  const auto lost = std::ranges::count_if(tracker_.waiting_at(remote), [&](Tracker::Index index) {
    const Request& request = tracker_[index];
    return request.id != entry.id && !must_wait(entry, ledger_[request.id], request.attempt);
  });
  const std::size_t waiting = tracker_.waiting(remote) - static_cast<std::size_t>(lost);
  if (waiting <= window) return;
  report(Check::window_respected,
         fmt::format("{} makes {} unanswered requests at {} ({}), {} may be", name(entry.id),
                     waiting, there.address, there.mac, window),
         {entry.id});
}

bool Exchanges::has_other_address(const Remote& remote) const {
  return std::ranges::any_of(remotes_, [&](const Remote& other) {
    return other.address == remote.address && other.mac != remote.mac;
  });
}

/// An initiator whose MTU shrinks, or whose large frames are lost, asks in pieces for what it had
/// asked for in one: that whole is not open any more, nor are those as large that it had sent before
/// the pieces, whether or not their turn has come.
void Exchanges::close_divided(Tracker::Remote remote) {
  Remote& there = remotes_[remote];
  const auto each_open = [&](const auto& take) {
    for (const Request& whole : tracker_.requests()) {
      if (whole.remote == remote && tracker_.is_open(whole.question))
        take(whole, ledger_[whole.id]);
    }
  };
  each_open([&](const Request& whole, const LedgerEntry& asked) {
    for (const Request& request : tracker_.requests()) {
      const LedgerEntry& piece = ledger_[request.id];
      if (request.id <= whole.id || piece.address != asked.address ||
          piece.opcode != asked.opcode || piece.lba != asked.lba || piece.sectors >= asked.sectors)
        continue;
      there.divided = std::min<std::size_t>(there.divided, asked.sectors);
      there.last_piece = std::max(there.last_piece, request.id);
    }
  });
  each_open([&](const Request& whole, const LedgerEntry& asked) {
    if (whole.id < there.last_piece && asked.sectors >= there.divided)
      tracker_.close(whole.question);
  });
}

void Exchanges::check_answer(LedgerEntry& entry, FrameId request, std::uint64_t answers,
                             std::uint64_t arrivals) {
  if (answers <= arrivals) return;
  report(Check::no_unasked_reply,
         fmt::format("{} is reply {} to #{}; copies of it that had arrived: {}", name(entry.id),
                     answers, request, arrivals),
         {request, entry.id});
}

bool Exchanges::refuses_headless(const LedgerEntry& reply) {
  if (reply.kind != FrameKind::ata_error) return false;
  std::uint64_t headless = 0;
  for (FrameId id = 0; id < reply.id; ++id) {
    const LedgerEntry& entry = ledger_[id];
    headless += entry.kind == FrameKind::bad && entry.direction == Direction::to_target &&
                entry.client == client_;
  }
  if (headless_refused_ >= headless) return false;
  ++headless_refused_;
  return true;
}

void Exchanges::check_answerer(const LedgerEntry& entry, const Frame& frame,
                               const Request& request) {
  const auto accuse = [&](const std::string& how) {
    report(Check::no_unasked_reply,
           fmt::format("{} answers {}, {}", name(entry.id), name(request.id), how),
           {request.id, entry.id});
  };
  if (frame.header.destination != request.source) {
    accuse(fmt::format("and goes to {} instead of {}", frame.header.destination, request.source));
  } else if (!ledger_[request.id].address.covers(entry.address)) {
    accuse(fmt::format("and has the address {}", entry.address));
  }
}

}  // namespace aoe::harness
