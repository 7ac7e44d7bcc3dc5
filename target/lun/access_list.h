// Who may use a LUN: its administrator's rules, its MAC mask list (AoEr11 §3.3) and its reservation
// (§3.4).
//
// Mask list and reservation are sets of addresses. Owned and called by Lun. They know nothing of
// frames but the lists in them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "proto/frame.h"

namespace aoe::target {

/// The administrator's rules on who may use a LUN. They hold whatever clients set.
struct AccessRules {
  std::vector<Mac> allow;  // everyone where empty
  std::vector<Mac> deny;   // never answered, even if allowed

  bool admits(Mac source) const {
    const auto names = [source](const std::vector<Mac>& macs) {
      return std::ranges::find(macs, source) != macs.end();
    };
    return !names(deny) && (allow.empty() || names(allow));
  }
};

/// A set of at most 255 addresses (the wire's count byte) in the order in which they were added, held
/// in place: nothing allocates.
class MacSet {
 public:
  static constexpr std::size_t capacity = 255;

  /// The result of an edit. With an error, the directives before the bad one are done and stay
  /// done.
  struct Edit {
    MaskError error = MaskError::none;
    std::uint8_t directives_done = 0;
    bool changed = false;  // the set differs from before
  };

  std::span<const Mac> entries() const { return std::span(macs_).first(size_); }
  /// An empty set admits everyone.
  bool admits(Mac source) const { return size_ == 0 || contains(source); }
  /// Replaces all addresses by at most `capacity` others. An address given twice counts once.
  /// Returns whether the set differs from before.
  bool set(std::span<const Mac> macs);
  /// Runs directives in order and stops at a bad one (bad_directive), or at an addition that would
  /// make more than `entries_max` entries (list_full). Adding an address that is in the set
  /// succeeds, and so does removing one that is not.
  Edit edit(const DirectiveList& directives, std::size_t entries_max);

 private:
  bool contains(Mac mac) const;
  /// Adds an address that the set does not contain. The set is not full.
  void add(Mac mac);

  std::array<Mac, capacity> macs_;
  std::size_t size_ = 0;
};

}  // namespace aoe::target
