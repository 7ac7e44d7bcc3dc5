#include "harness/judge/exchanges.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "harness/language/time_window.h"
#include "harness/link/reserved_fields.h"

namespace aoe::harness {
namespace {

/// Transmissions that are remembered, beside those that wait for an answer.
constexpr std::size_t remembered = 1024;
/// How many of those that do are passed over in search of one that may be forgotten.
constexpr unsigned passed_over_max = 64;

Traffic traffic_of(ata::Opcode opcode) {
  switch (ata::kind(opcode)) {
    case ata::Kind::read: return Traffic::read;
    case ata::Kind::write: return Traffic::write;
    case ata::Kind::flush: return Traffic::flush;
    case ata::Kind::identify: return Traffic::identify;
    case ata::Kind::other: return Traffic::ata;
  }
  return Traffic::ata;
}

/// A disk's time and not a link's: its answer is no sample.
bool takes_disk_time(ata::Opcode opcode) {
  return ata::kind(opcode) == ata::Kind::flush || opcode == ata::Opcode::data_set_management;
}

bool answers_ata(const LedgerEntry& entry) {
  return entry.kind == FrameKind::ata_reply || entry.kind == FrameKind::ata_error;
}

}  // namespace

std::size_t Exchanges::QuestionHash::operator()(const Question& question) const {
  const std::uint64_t rest =
      std::uint64_t{question.address.shelf} << 24 | std::uint64_t{question.address.slot} << 16 |
      std::uint64_t{question.sectors} << 8 | static_cast<std::uint64_t>(question.opcode);
  return mixed(question.lba ^ rest << 20);
}

// What is remembered.

Exchanges::Transmission* Exchanges::by_tag(std::uint32_t tag) {
  const Slot* const slot = tags_.find(tag);
  return slot == nullptr ? nullptr : &transmissions_[*slot];
}

Exchanges::Slot Exchanges::remember(const Transmission& transmission) {
  if (transmissions_.size() >= remembered) {
    for (unsigned i = 0; i < passed_over_max; ++i) {
      const Slot slot = next_;
      next_ = static_cast<Slot>((next_ + 1) % transmissions_.size());
      const Transmission& old = transmissions_[slot];
      if (old.awaited && open_.find(old.question) != nullptr) continue;
      forget(slot);
      transmissions_[slot] = transmission;
      return slot;
    }
  }
  transmissions_.push_back(transmission);
  return static_cast<Slot>(transmissions_.size() - 1);
}

void Exchanges::forget(Slot slot) {
  const std::uint32_t tag = transmissions_[slot].tag;
  if (const Slot* const latest = tags_.find(tag); latest != nullptr && *latest == slot)
    tags_.erase(tag);
}

std::optional<FrameId> Exchanges::find_forgotten(std::uint32_t tag) const {
  if (transmissions_.size() < remembered) return std::nullopt;  // nothing was forgotten
  for (FrameId id = ledger_.size(); id-- > 0;) {
    const LedgerEntry& entry = ledger_[id];
    if (entry.kind == FrameKind::ata_request && entry.tag == tag) return id;
  }
  return std::nullopt;
}

std::uint16_t Exchanges::remote(const Mac& mac, Address address) {
  const auto is_it = [&](const Remote& remote) {
    return remote.mac == mac && remote.address == address;
  };
  if (last_remote_ < remotes_.size() && is_it(remotes_[last_remote_])) return last_remote_;
  const auto found = std::ranges::find_if(remotes_, is_it);
  const auto index = static_cast<std::uint16_t>(found - remotes_.begin());
  if (found == remotes_.end()) remotes_.push_back({mac, address, RtoModel(profile_)});
  return index;
}

void Exchanges::open(const Question& question, Slot slot) {
  if (const Slot* const before = open_.find(question)) give_room(*before);
  open_.put(question, slot);
  ++remotes_[transmissions_[slot].remote].open;
}

void Exchanges::close(const Question& question) {
  give_room(*open_.find(question));
  open_.erase(question);
}

void Exchanges::give_room(Slot slot) {
  Transmission& transmission = transmissions_[slot];
  if (std::exchange(transmission.takes_room, false)) --remotes_[transmission.remote].open;
}

// Frames.

Subject Exchanges::subject(const LedgerEntry& entry) const {
  switch (static_cast<Command>(entry.command)) {
    case Command::config: return {Traffic::config, entry.address};
    case Command::mask: return {Traffic::mask, entry.address};
    case Command::reserve: return {Traffic::reserve, entry.address};
    case Command::ata: break;
    default: return {Traffic::other, entry.address};
  }
  const LedgerEntry& request = entry.answers ? ledger_[*entry.answers] : entry;
  if (request.kind != FrameKind::ata_request) return {Traffic::ata, entry.address};
  return {traffic_of(request.opcode), request.address, request.lba, request.sectors};
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
  Transmission transmission{.question = {entry.address, entry.opcode, entry.sectors, entry.lba},
                            .id = entry.id,
                            .tag = entry.tag,
                            .remote = remote(frame.header.destination, entry.address),
                            .source = frame.header.source};
  if (const Transmission* same_tag = by_tag(transmission.tag)) {
    // The target may still answer what arrived with this tag before.
    transmission.arrivals = same_tag->arrivals;
    transmission.answers = same_tag->answers;
  }
  if (entry.injected) {  // that it may be answered is all there is to say of it
    transmission.awaited = false;
    tags_.put(entry.tag, remember(transmission));
    return;
  }
  std::optional<std::uint16_t> remote_before;
  if (const Slot* const slot = open_.find(transmission.question)) {
    const Transmission& before = transmissions_[*slot];
    if (before.takes_room) remote_before = before.remote;
    transmission.attempt = before.attempt + 1;
    entry.repeats = before.id;
    ledger_[before.id].repeated_by = entry.id;
    ++retransmissions_;
    check_early(entry, before);
  }
  check_tag(entry, transmission);

  last_remote_ = transmission.remote;
  const RtoModel& model = remotes_[transmission.remote].model;
  entry.remote = transmission.remote;
  entry.wait = takes_disk_time(entry.opcode) ? model.flush_rto(transmission.attempt)
                                             : model.rto(transmission.attempt);
  const Slot slot = remember(transmission);
  open(transmission.question, slot);
  tags_.put(transmission.tag, slot);
  check_window(entry, transmission.remote, remote_before);
}

void Exchanges::reply_sent(LedgerEntry& entry, const Frame& frame) {
  if (Transmission* const request = by_tag(entry.tag)) {
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
  } else {
    report(Check::no_unasked_reply, fmt::format("{} has a tag that no request had", name(entry.id)),
           {entry.id});
  }
}

void Exchanges::delivered(LedgerEntry& entry, Instant now) {
  if (answers_ata(entry)) {
    if (entry.direction == Direction::to_initiator) answered(entry.tag, &entry, now);
  } else if (entry.kind == FrameKind::ata_request && entry.direction == Direction::to_target) {
    // With an old tag used again, the target may answer either transmission.
    if (Transmission* latest = by_tag(entry.tag)) ++latest->arrivals;
  }
}

void Exchanges::delivered_config(const Frame& frame, Instant now) {
  if (!frame.response || !frame.body || !std::holds_alternative<ConfigReply>(*frame.body)) return;
  const std::uint16_t index = remote(frame.header.source, frame.header.address);
  Remote& there = remotes_[index];
  there.buffers_before = there.buffers;
  there.buffers = std::get<ConfigReply>(*frame.body).buffer_count;
  there.told = now;
}

void Exchanges::delivered_altered(Direction direction, const Frame& frame, Instant now) {
  if (frame.response != (direction == Direction::to_initiator)) return;  // nobody believes that
  if (!frame.response) {
    // Whatever the target takes it for, it may answer.
    if (Transmission* const request = by_tag(frame.header.tag)) {
      ++request->arrivals;
    } else {
      excused_tags_.push_back(frame.header.tag);
    }
  } else if (const Transmission* const request = by_tag(frame.header.tag)) {
    if (is_answer(frame, *request)) answered(frame.header.tag, nullptr, now);
  }
}

bool Exchanges::is_answer(const Frame& frame, const Transmission& request) {
  if (frame.command != static_cast<std::uint8_t>(Command::ata) || !frame.body) return false;
  const Question& question = request.question;
  if (frame.header.address != question.address || frame.header.destination != request.source)
    return false;
  const auto* reply = std::get_if<AtaReply>(&*frame.body);
  return reply == nullptr || (reply->status & ata::status_failed) != 0 ||
         ata::kind(question.opcode) != ata::Kind::read ||
         reply->data.size() >= question.sectors * sector_size;
}

void Exchanges::answered(std::uint32_t tag, LedgerEntry* reply, Instant now) {
  Transmission* const request = by_tag(tag);
  if (request == nullptr || !request->awaited) return;
  request->awaited = false;
  ledger_[request->id].answered = now;
  if (!takes_disk_time(request->question.opcode)) {
    RtoModel& model = remotes_[request->remote].model;
    model.sample(now - ledger_[request->id].sent);
    if (reply != nullptr) reply->wait = model.reordering_wait(1);
  }
  const Slot* const latest = open_.find(request->question);
  if (latest != nullptr && transmissions_[*latest].id == request->id) close(request->question);
}

void Exchanges::abandon(Address address) {
  for (Transmission& transmission : transmissions_) {
    if (transmission.question.address != address) continue;
    if (open_.find(transmission.question) != nullptr) close(transmission.question);
    transmission.awaited = false;
    remotes_[transmission.remote].model = RtoModel(profile_);
  }
}

void Exchanges::port_changed(Instant now) {
  port_changed_ = now;
  for (Slot slot = 0; slot < transmissions_.size(); ++slot) {
    const Slot* const latest = open_.find(transmissions_[slot].question);
    if (latest != nullptr && *latest == slot) give_room(slot);
  }
}

// What is due.

Duration Exchanges::rto() const {
  return last_remote_ < remotes_.size() ? remotes_[last_remote_].model.rto(1)
                                        : RtoModel(profile_).rto(1);
}

Duration Exchanges::srtt() const {
  return last_remote_ < remotes_.size() ? remotes_[last_remote_].model.srtt()
                                        : RtoModel(profile_).srtt();
}

std::optional<Instant> Exchanges::due(FrameId request) const {
  const LedgerEntry& entry = ledger_[request];
  if (entry.kind != FrameKind::ata_request || entry.injected) return std::nullopt;
  return entry.sent + entry.wait;
}

// Rules.

void Exchanges::report(Check check, std::string actual, std::vector<FrameId> frames) {
  if (++counts_[static_cast<std::size_t>(check)] > findings_kept) return;
  Finding finding{.rule = std::string(text(check)),
                  .clause = std::string(row(check).clause),
                  .field = {},
                  .expected = rule(check),
                  .actual = std::move(actual),
                  .frames = std::move(frames),
                  .certain = check != Check::no_early_retransmit};
  findings_.push_back(std::move(finding));
}

std::string Exchanges::name(FrameId id) const {
  return fmt::format("#{} ({})", id, ledger_.summary(id));
}

bool Exchanges::is_early(const LedgerEntry& entry, const Transmission& before) const {
  const LedgerEntry& first = ledger_[before.id];
  if (entry.sent + slack_ >= first.sent + first.wait || first.sent <= port_changed_) return false;
  if (profile_ == RtoModel::Profile::linux_driver || takes_disk_time(first.opcode)) return true;
  // Only when the timeout speaks against it is the evidence looked for.
  const LedgerEntry* const answer = overtaken_by(first, entry.id);
  if (answer == nullptr) return true;
  const unsigned eightfolds = std::min(before.attempt - 1, 5U);
  return entry.sent + slack_ < answer->delivered + answer->wait * (1LL << 3 * eightfolds);
}

const LedgerEntry* Exchanges::overtaken_by(const LedgerEntry& request, FrameId end) const {
  const LedgerEntry* first = nullptr;
  for (FrameId id = request.id + 1; id < end; ++id) {
    const LedgerEntry& entry = ledger_[id];
    if (!entry.answers || *entry.answers <= request.id || entry.wait == Duration{}) continue;
    if (ledger_[*entry.answers].remote != request.remote) continue;
    if (first == nullptr || entry.delivered < first->delivered) first = &entry;
  }
  return first;
}

void Exchanges::check_early(const LedgerEntry& entry, const Transmission& before) {
  if (!is_early(entry, before)) return;
  const LedgerEntry& first = ledger_[before.id];
  report(Check::no_early_retransmit,
         fmt::format("{} repeats #{} after {}, its timeout is {}", name(entry.id), before.id,
                     describe(entry.sent - first.sent), describe(first.wait)),
         {before.id, entry.id});
}

void Exchanges::check_tag(const LedgerEntry& entry, const Transmission& transmission) {
  const Transmission* const other = by_tag(transmission.tag);
  if (other == nullptr || other->question == transmission.question || !other->awaited ||
      open_.find(other->question) == nullptr) {
    return;
  }
  report(Check::tag_unique_in_flight,
         fmt::format("{} has the tag of {}, which is still unanswered", name(entry.id),
                     name(other->id)),
         {other->id, entry.id});
}

std::uint16_t Exchanges::window_of(const Remote& remote, Instant now) const {
  if (!remote.buffers) return window_;
  std::uint16_t buffers = *remote.buffers;
  // Seen here is not yet seen there.
  if (slack_ > Duration{} && now <= remote.told + slack_)
    buffers = std::max(buffers, remote.buffers_before.value_or(window_));
  return std::min(std::max<std::uint16_t>(buffers, 1), most_);  // 0 is read as 1
}

void Exchanges::check_window(const LedgerEntry& entry, std::uint16_t remote,
                             std::optional<std::uint16_t> before) {
  if (before == remote) return;  // it makes no more of them there
  const std::uint16_t window = window_of(remotes_[remote], entry.sent);
  if (remotes_[remote].open <= window) return;
  close_divided(remote);
  if (remotes_[remote].open <= window) return;
  report(Check::window_respected,
         fmt::format("{} makes {} unanswered requests at {} ({}), {} may be", name(entry.id),
                     remotes_[remote].open, remotes_[remote].address, remotes_[remote].mac, window),
         {entry.id});
}

/// An initiator whose MTU shrinks asks in pieces for what it had asked for in one: that question is
/// not open any more.
void Exchanges::close_divided(std::uint16_t remote) {
  for (const Transmission& whole : transmissions_) {
    const Question& asked = whole.question;
    if (whole.remote != remote || open_.find(asked) == nullptr) continue;
    const bool divided = std::ranges::any_of(transmissions_, [&](const Transmission& piece) {
      return piece.id > whole.id && piece.question.address == asked.address &&
             piece.question.opcode == asked.opcode && piece.question.lba == asked.lba &&
             piece.question.sectors < asked.sectors;
    });
    if (divided) close(asked);
  }
}

void Exchanges::check_answer(LedgerEntry& entry, FrameId request, std::uint64_t answers,
                             std::uint64_t arrivals) {
  if (answers <= arrivals) return;
  report(Check::no_unasked_reply,
         fmt::format("{} is reply {} to #{}; copies of it that had arrived: {}", name(entry.id),
                     answers, request, arrivals),
         {request, entry.id});
}

void Exchanges::check_answerer(const LedgerEntry& entry, const Frame& frame,
                               const Transmission& request) {
  const auto accuse = [&](const std::string& how) {
    report(Check::no_unasked_reply,
           fmt::format("{} answers {}, {}", name(entry.id), name(request.id), how),
           {request.id, entry.id});
  };
  if (frame.header.destination != request.source) {
    accuse(fmt::format("and goes to {} instead of {}", frame.header.destination, request.source));
  } else if (!request.question.address.covers(entry.address)) {
    accuse(fmt::format("and has the address {}", entry.address));
  }
}

}  // namespace aoe::harness
