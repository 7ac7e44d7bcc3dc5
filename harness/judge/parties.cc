#include "harness/judge/parties.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "proto/layout.h"

namespace aoe::harness {

Parties::Parties(Ledger& ledger, const Scenario& scenario)
    : network_(scenario.network),
      exchanges_(network_.nodes.size()),
      access_(ledger),
      first_(network_.first(Node::Role::initiator)),
      is_alone_(network_.all(Node::Role::initiator).size() == 1) {
  for (const NodeIndex node : network_.all(Node::Role::initiator)) {
    exchanges_[node] = std::make_unique<Exchanges>(
        ledger, scenario.lun().buffers, scenario.given.profile, scenario.given.maxout, node);
  }
}

NodeIndex Parties::client_of(const LedgerEntry& entry, const Frame& frame) const {
  if (is_alone_) return first_;
  if (entry.direction == Direction::to_target) return network_.ports[entry.from].node;
  const auto known = by_mac_.find(layout::number(frame.header.destination));
  return known == by_mac_.end() ? first_ : known->second;
}

void Parties::sent(LedgerEntry& entry, Bytes bytes, const Frame& frame) {
  if (!is_alone_ && entry.direction == Direction::to_target)
    by_mac_.insert_or_assign(layout::number(frame.header.source), network_.ports[entry.from].node);
  entry.client = client_of(entry, frame);
  of(entry.client).sent(entry, bytes, frame);
  access_.sent(entry, frame, network_.ports[entry.from].node);
}

void Parties::claimed(const LedgerEntry& entry, const Frame& frame) {
  access_.sent(entry, frame, network_.ports[entry.from].node);
}

void Parties::delivered(LedgerEntry& entry, PortIndex to, Instant now) {
  // What a switch sends everywhere is for one of them.
  const bool is_stray =
      entry.direction == Direction::to_initiator && network_.ports[to].node != entry.client;
  if (!is_stray) of(entry.client).delivered(entry, to, now);
}

void Parties::delivered_config(const Frame& frame, PortIndex to, Instant now) {
  of(network_.ports[to].node).delivered_config(frame, to, now);
}

void Parties::delivered_altered(const LedgerEntry& entry, const Frame& frame, PortIndex to,
                                Instant now) {
  of(entry.client).delivered_altered(entry, frame, to, now);
}

void Parties::allow(Duration slack) {
  for (const auto& exchanges : exchanges_) {
    if (exchanges != nullptr) exchanges->allow(slack);
  }
}

std::vector<Finding> Parties::findings() const {
  std::vector<Finding> all;
  for (std::size_t node = 0; node < exchanges_.size(); ++node) {
    if (exchanges_[node] == nullptr) continue;
    for (Finding finding : exchanges_[node]->findings()) {
      if (!is_alone_)
        finding.actual = fmt::format("{}: {}", network_.nodes[node].name, finding.actual);
      all.push_back(std::move(finding));
    }
  }
  const std::vector<Finding>& found = access_.findings();
  all.insert(all.end(), found.begin(), found.end());
  return all;
}

std::uint64_t Parties::count(Check check) const {
  if (check == Check::access_respected) return access_.count();
  std::uint64_t count = 0;
  for (const auto& exchanges : exchanges_) {
    if (exchanges != nullptr) count += exchanges->count(check);
  }
  return count;
}

std::uint64_t Parties::retransmissions() const {
  std::uint64_t count = 0;
  for (const auto& exchanges : exchanges_) {
    if (exchanges != nullptr) count += exchanges->retransmissions();
  }
  return count;
}

}  // namespace aoe::harness
