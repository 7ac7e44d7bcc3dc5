#include "harness/judge/access.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace aoe::harness {
namespace {

std::uint64_t key_of(NodeIndex node, Address address) {
  return std::uint64_t{node} << 24 | std::uint64_t{address.shelf} << 8 | address.slot;
}

std::vector<Mac> macs_of(const MaskReply& reply) {
  std::vector<Mac> macs;
  for (std::size_t i = 0; i < reply.list.size(); ++i) macs.push_back(reply.list[i].mac);
  return macs;
}

std::vector<Mac> macs_of(const ReserveReply& reply) {
  std::vector<Mac> macs;
  for (std::size_t i = 0; i < reply.macs.size(); ++i) macs.push_back(reply.macs[i]);
  return macs;
}

}  // namespace

bool Access::List::has(const Mac& mac) const {
  return std::ranges::find(*macs, mac) != macs->end();
}

void Access::sent(const LedgerEntry& entry, const Frame& frame, NodeIndex node) {
  if (lists_.empty() && entry.kind != FrameKind::other) return;
  if (!frame.body) return;
  if (entry.direction == Direction::to_target) {
    const Header& header = frame.header;
    Change change{entry.id, header.address, header.source, header.tag, nullptr};
    if (const auto* mask = std::get_if<MaskRequest>(&*frame.body)) {
      if (mask->command != MaskCommand::read) change.list = &Lists::mask;
    } else if (const auto* reserve = std::get_if<ReserveRequest>(&*frame.body)) {
      if (reserve->command != ReserveCommand::read) change.list = &Lists::reserved;
    }
    if (change.list != nullptr) change_asked(change);
  } else if (const auto* mask = std::get_if<MaskReply>(&*frame.body)) {
    std::optional<std::vector<Mac>> macs;
    if (mask->error == MaskError::none) macs = macs_of(*mask);
    told(entry, frame.header, node, &Lists::mask, std::move(macs));
  } else if (const auto* reserve = std::get_if<ReserveReply>(&*frame.body)) {
    told(entry, frame.header, node, &Lists::reserved, macs_of(*reserve));
  } else if (entry.kind == FrameKind::ata_reply || entry.kind == FrameKind::ata_error) {
    const auto found = lists_.find(key_of(node, frame.header.address));
    if (found != lists_.end()) check(entry, frame, found->second);
  } else if (std::holds_alternative<ErrorReply>(*frame.body)) {
    // A change that was refused has changed nothing, or not all that it asked for.
    change_done(frame.header, &Lists::mask);
    change_done(frame.header, &Lists::reserved);
  }
}

void Access::forget(NodeIndex target) {
  erase_if(lists_, [&](const auto& known) { return known.first >> 24 == target; });
}

void Access::change_asked(const Change& change) {
  changes_.push_back(change);
  for (auto& [key, lists] : lists_) {
    const Address address{static_cast<std::uint16_t>(key >> 8), static_cast<std::uint8_t>(key)};
    if (change.address.covers(address)) (lists.*change.list).macs.reset();
  }
}

Instant Access::first_arrival(const LedgerEntry& request) const {
  Instant first = Instant::max();
  for (const LedgerEntry* one = &request; one->tag == request.tag; one = &ledger_[*one->repeats]) {
    if (one->deliveries > 0) first = std::min(first, one->delivered);
    if (!one->repeats) break;
  }
  return first == Instant::max() ? Instant::min() : first;
}

bool Access::change_done(const Header& reply, List Lists::*list) {
  std::erase_if(changes_, [&](const Change& change) {
    const LedgerEntry& asked = ledger_[change.id];
    const bool is_lost = asked.deliveries == 0 && (asked.dropped_by != 0 || asked.lost_by != 0);
    return is_lost || (change.list == list && change.tag == reply.tag &&
                       change.address == reply.address && change.source == reply.destination);
  });
  return std::ranges::none_of(changes_, [&](const Change& change) {
    return change.list == list && change.address.covers(reply.address);
  });
}

void Access::told(const LedgerEntry& entry, const Header& reply, NodeIndex node, List Lists::*list,
                  std::optional<std::vector<Mac>> macs) {
  if (!change_done(reply, list)) macs.reset();
  lists_[key_of(node, reply.address)].*list = {std::move(macs), entry.sent};
}

void Access::check(const LedgerEntry& entry, const Frame& frame, const Lists& lists) {
  if (!entry.answers) return;
  const LedgerEntry& request = ledger_[*entry.answers];
  const Instant arrived = first_arrival(request);
  const Mac& client = frame.header.destination;
  const List& mask = lists.mask;
  if (mask.rules(arrived) && !mask.macs->empty() && !mask.has(client))
    return report(entry, "3.3/8", fmt::format("{} is not on the mask list", client));
  const List& reserved = lists.reserved;
  if (!reserved.rules(arrived)) return;
  const bool is_let_in = reserved.macs->empty() || reserved.has(client);
  const auto* error = std::get_if<ErrorReply>(&*frame.body);
  const bool is_refusal = error != nullptr && error->code == ErrorCode::target_reserved;
  if (is_refusal && is_let_in) {
    report(entry, "3.4/6",
           reserved.macs->empty() ? "nobody has reserved the target"
                                  : fmt::format("{} has reserved the target", client));
  }
  if (error == nullptr && !is_let_in && request.opcode != ata::Opcode::identify_device)
    report(entry, "3.4/6", fmt::format("{} does not hold the reservation", client));
}

void Access::report(const LedgerEntry& entry, std::string_view clause, std::string_view how) {
  if (++count_ > findings_kept) return;
  const std::string_view by = ledger_.sender(entry.id);
  findings_.push_back(
      {.rule = std::string(text(Check::access_respected)),
       .clause = std::string(clause),
       .expected = rule(Check::access_respected),
       .actual = fmt::format("{}{}#{} ({}) answers #{} ({}), and {}", by, by.empty() ? "" : ": ",
                             entry.id, ledger_.summary(entry.id), *entry.answers,
                             ledger_.summary(*entry.answers), how),
       .frames = {*entry.answers, entry.id},
       .certain = true});
}

}  // namespace aoe::harness
