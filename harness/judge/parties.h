// The judge of a network: each initiator's requests and replies by an Exchanges of its own, whose
// tags, windows and timeouts are nobody else's, and all targets' lists of who is let in by one Access.
//
// Sees every frame through the fault stage, and finds whose it is: of a request, the node that sent
// it; of a reply, the initiator whose address it goes to, now or before. Notes that in the frame's
// ledger entry. Owned by a run. A network of two costs one comparison a frame.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "harness/judge/access.h"
#include "harness/judge/exchanges.h"
#include "harness/language/scenario.h"

namespace aoe::harness {

class Parties final : public LinkObserver {
 public:
  Parties(Ledger& ledger, const Scenario& scenario);

  /// That of an initiator.
  Exchanges& of(NodeIndex initiator) { return *exchanges_[initiator]; }
  const Exchanges& of(NodeIndex initiator) const { return *exchanges_[initiator]; }

  const Exchanges& first() const { return of(first_); }

  void sent(LedgerEntry& entry, Bytes bytes, const Frame& frame) override;
  void claimed(const LedgerEntry& entry, const Frame& frame) override;
  void delivered(LedgerEntry& entry, PortIndex to, Instant now) override;
  void delivered_config(const Frame& frame, PortIndex to, Instant now) override;
  void delivered_altered(const LedgerEntry& entry, const Frame& frame, PortIndex to,
                         Instant now) override;

  /// A target was killed, or hands its LUNs over: it may have lost its lists.
  void interrupted(NodeIndex target) { access_.forget(target); }
  /// As Exchanges::allow(), of all.
  void allow(Duration slack);
  /// The checks that were broken, an initiator after the other.
  std::vector<Finding> findings() const;
  std::uint64_t count(Check check) const;
  std::uint64_t retransmissions() const;

 private:
  NodeIndex client_of(const LedgerEntry& entry, const Frame& frame) const;

  const Network network_;
  std::vector<std::unique_ptr<Exchanges>> exchanges_;  // by NodeIndex; null for targets
  Access access_;
  const NodeIndex first_;                                       // initiator
  const bool is_alone_;                                         // there is no other
  boost::unordered_flat_map<std::uint64_t, NodeIndex> by_mac_;  // initiators, by each address
};

}  // namespace aoe::harness
