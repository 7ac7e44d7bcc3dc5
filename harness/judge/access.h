// The judge of who is let in: does a target keep the mask list and the reservation that it has
// confirmed, towards every initiator (AoEr11 §3.3, §3.4)?
//
// A reply to a mask or reserve request tells the whole list. From then on, until the next request
// that may change it, an ATA command that reaches the target must be treated as the list says: not
// answered at all if its sender is masked, refused with error 6 if another holds the reservation,
// and not refused on that account if its sender is let in. While a change is on its way, and after
// the target was killed or handed its LUNs over, nothing is known and nobody is accused; nor at a
// LUN that a change for several at once covers, once that was asked for. Only for worlds in which
// every frame of a target is seen.
//
// Owned by Parties, and told of every frame that enters. Costs one comparison a frame while nobody
// uses these lists.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "harness/judge/finding.h"
#include "harness/language/network.h"
#include "harness/link/ledger.h"

namespace aoe::harness {

class Access {
 public:
  /// Findings beyond these are only counted.
  static constexpr std::size_t findings_kept = 100;

  explicit Access(const Ledger& ledger) : ledger_(ledger) {}

  /// A frame entered, sent by `node`. Of a reply, the ledger knows what it answers.
  void sent(const LedgerEntry& entry, const Frame& frame, NodeIndex node);
  /// The target may have lost its lists.
  void forget(NodeIndex target);

  const std::vector<Finding>& findings() const { return findings_; }
  std::uint64_t count() const { return count_; }

 private:
  /// A list as the target has told it, and when; nothing: it is unknown.
  struct List {
    std::optional<std::vector<Mac>> macs{};
    Instant since{};

    /// Was it there when a request arrived?
    bool rules(Instant arrived) const { return macs && since < arrived; }
    bool has(const Mac& mac) const;
  };
  struct Lists {
    List mask{};
    List reserved{};
  };
  /// A request that may change a list, and has no reply yet.
  struct Change {
    FrameId id = 0;
    Address address{};
    Mac source{};
    std::uint32_t tag = 0;
    List Lists::*list = nullptr;
  };

  void change_asked(const Change& change);
  /// Ends the change that a reply is for. Returns whether no other is on its way.
  bool change_done(const Header& reply, List Lists::*list);
  void told(const LedgerEntry& entry, const Header& reply, NodeIndex node, List Lists::*list,
            std::optional<std::vector<Mac>> macs);
  /// When the first of its transmissions with this tag reached the target; `Instant::min()`: none
  /// did.
  Instant first_arrival(const LedgerEntry& request) const;
  void check(const LedgerEntry& entry, const Frame& frame, const Lists& lists);
  void report(const LedgerEntry& entry, std::string_view clause, std::string_view how);

  const Ledger& ledger_;
  boost::unordered_flat_map<std::uint64_t, Lists> lists_;  // by node and address
  std::vector<Change> changes_;
  std::vector<Finding> findings_;
  std::uint64_t count_ = 0;
};

}  // namespace aoe::harness
