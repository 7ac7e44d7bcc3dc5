#include "harness/link/exchanges.h"

#include <algorithm>

#include <fmt/format.h>

namespace aoe::harness {
namespace {

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

/// Does the frame answer an ATA command, for better or worse?
bool answers_ata(const Frame& frame) {
  return frame.response && frame.command == static_cast<std::uint8_t>(Command::ata);
}

}  // namespace

Exchanges::Transmission* Exchanges::by_tag(std::uint32_t tag) {
  const auto found = tags_.find(tag);
  return found == tags_.end() ? nullptr : &transmissions_.at(found->second);
}

Subject Exchanges::subject(const Frame& frame) const {
  const Address address = frame.header.address;
  switch (static_cast<Command>(frame.command)) {
    case Command::config: return {Traffic::config, address};
    case Command::mask: return {Traffic::mask, address};
    case Command::reserve: return {Traffic::reserve, address};
    case Command::ata: break;
    default: return {Traffic::other, address};
  }
  if (frame.response) {
    const auto request = tags_.find(frame.header.tag);
    if (request == tags_.end()) return {Traffic::ata, address};
    const Question& question = transmissions_.at(request->second).question;
    return {traffic_of(question.opcode), question.address, question.lba, question.sectors};
  }
  const auto* ata = frame.body ? std::get_if<AtaRequest>(&*frame.body) : nullptr;
  if (ata == nullptr) return {Traffic::ata, address};
  return {traffic_of(ata->opcode), address, ata->lba, ata->sectors};
}

void Exchanges::sent(LedgerEntry& entry, const Frame& frame) {
  if (entry.direction == Direction::to_initiator) {
    if (answers_ata(frame)) reply_sent(entry, frame);
  } else if (frame.body) {
    if (const auto* ata = std::get_if<AtaRequest>(&*frame.body)) request_sent(entry, frame, *ata);
  }
}

void Exchanges::request_sent(LedgerEntry& entry, const Frame& frame, const AtaRequest& ata) {
  Transmission transmission{.question = {frame.header.address, ata.opcode, ata.lba, ata.sectors},
                            .target = frame.header.destination,
                            .tag = frame.header.tag,
                            .sent = entry.sent};
  if (const auto open = open_.find(transmission.question); open != open_.end()) {
    const FrameId before = open->second;
    transmission.attempt = transmissions_.at(before).attempt + 1;
    entry.repeats = before;
    ledger_[before].repeated_by = entry.id;
    ++retransmissions_;
    check_early(entry, before);
  }
  check_tag(entry, transmission);
  if (const Transmission* same_tag = by_tag(transmission.tag)) {
    // The target may still answer what arrived with this tag before.
    transmission.arrivals = same_tag->arrivals;
    transmission.answers = same_tag->answers;
  }

  last_target_ = transmission.target;
  transmission.rto = models_[transmission.target].rto(transmission.attempt);
  if (traffic_of(ata.opcode) == Traffic::flush) {
    transmission.rto = std::max(transmission.rto, RtoModel::flush_least);
  }
  open_[transmission.question] = entry.id;
  tags_[transmission.tag] = entry.id;
  transmissions_[entry.id] = transmission;
  check_window(entry, transmission);
}

std::string Exchanges::name(FrameId id) const {
  return fmt::format("#{} ({})", id, ledger_[id].summary);
}

void Exchanges::check_early(const LedgerEntry& entry, FrameId before) {
  const Transmission& previous = transmissions_.at(before);
  const Duration waited = entry.sent - previous.sent;
  if (waited + slack_ >= previous.rto) return;
  violations_.push_back({Check::no_early_retransmit,
                         fmt::format("{} repeats #{} after {}, its timeout is {}", name(entry.id),
                                     before, describe(waited), describe(previous.rto)),
                         {before, entry.id}});
}

void Exchanges::check_tag(const LedgerEntry& entry, const Transmission& transmission) {
  const auto found = tags_.find(transmission.tag);
  if (found == tags_.end()) return;
  const Transmission& other = transmissions_.at(found->second);
  if (other.question == transmission.question || !other.awaited || !open_.contains(other.question))
    return;
  violations_.push_back({Check::tag_unique_in_flight,
                         fmt::format("{} has the tag of {}, which is still unanswered",
                                     name(entry.id), name(found->second)),
                         {found->second, entry.id}});
}

void Exchanges::check_window(const LedgerEntry& entry, const Transmission& transmission) {
  const auto unanswered = std::ranges::count_if(open_, [&](const auto& question_and_frame) {
    return transmissions_.at(question_and_frame.second).target == transmission.target;
  });
  if (unanswered <= window_) return;
  violations_.push_back({Check::window_respected,
                         fmt::format("{} makes {} unanswered requests at {}, {} may be",
                                     name(entry.id), unanswered, transmission.target, window_),
                         {entry.id}});
}

void Exchanges::reply_sent(const LedgerEntry& entry, const Frame& frame) {
  Transmission* transmission = by_tag(frame.header.tag);
  if (transmission == nullptr) {
    violations_.push_back({Check::no_unasked_reply,
                           fmt::format("{} has a tag that no request had", name(entry.id)),
                           {entry.id}});
    return;
  }
  const FrameId request = tags_.at(frame.header.tag);
  replies_[entry.id] = request;
  if (++transmission->answers <= transmission->arrivals) return;
  violations_.push_back(
      {Check::no_unasked_reply,
       fmt::format("{} is reply {} to #{}; copies of it that had arrived: {}", name(entry.id),
                   transmission->answers, request, transmission->arrivals),
       {request, entry.id}});
}

void Exchanges::delivered(const LedgerEntry& entry, const Frame& frame, Instant now) {
  if (entry.direction == Direction::to_target) {
    const auto request = transmissions_.find(entry.id);
    if (request == transmissions_.end()) return;
    // With an old tag used again, the target may answer either transmission.
    if (Transmission* latest = by_tag(request->second.tag)) ++latest->arrivals;
  } else if (answers_ata(frame)) {
    reply_delivered(frame, now);
  }
}

void Exchanges::reply_delivered(const Frame& frame, Instant now) {
  Transmission* transmission = by_tag(frame.header.tag);
  if (transmission == nullptr || !transmission->awaited) return;
  transmission->awaited = false;
  if (traffic_of(transmission->question.opcode) != Traffic::flush) {
    models_[transmission->target].sample(now - transmission->sent);
  }
  const auto open = open_.find(transmission->question);
  if (open != open_.end() && open->second == tags_.at(frame.header.tag)) open_.erase(open);
}

void Exchanges::abandon(Address address) {
  std::erase_if(open_, [&](const auto& open) { return open.first.address == address; });
  for (auto& [id, transmission] : transmissions_) {
    if (transmission.question.address != address) continue;
    transmission.awaited = false;
    models_.erase(transmission.target);
  }
}

Duration Exchanges::rto() const {
  const auto model = models_.find(last_target_);
  return model == models_.end() ? RtoModel().rto(1) : model->second.rto(1);
}

Duration Exchanges::srtt() const {
  const auto model = models_.find(last_target_);
  return model == models_.end() ? Duration{} : model->second.srtt();
}

std::optional<Instant> Exchanges::due(FrameId request) const {
  const auto found = transmissions_.find(request);
  if (found == transmissions_.end()) return std::nullopt;
  return found->second.sent + found->second.rto;
}

std::optional<FrameId> Exchanges::request_of(FrameId reply) const {
  const auto found = replies_.find(reply);
  if (found == replies_.end()) return std::nullopt;
  return found->second;
}

}  // namespace aoe::harness
