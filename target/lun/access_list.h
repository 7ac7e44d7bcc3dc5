// Who may use a LUN: its administrator's rules, its MAC mask list (AoEr11 §3.3) and its reservation
// (§3.4).
//
// The latter two are sets of addresses in the order they came, at most 255 (the wire's count byte),
// held in place: nothing allocates. Owned and called by Lun; they know nothing of frames beyond the
// lists in them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "proto/frame.h"

namespace aoe::target {

class MacSet {
 public:
  static constexpr std::size_t capacity = 255;

  std::span<const Mac> entries() const { return std::span(macs_).first(size_); }
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  bool contains(Mac mac) const;
  /// Adds an address that is not there yet; the set is not full.
  void add(Mac mac);
  /// Removes an address; nothing happens where it is absent. The order of the others stays.
  void remove(Mac mac);
  /// Replaces all: at most `capacity` addresses; one named twice counts once.
  void assign(std::span<const Mac> macs);

 private:
  std::array<Mac, capacity> macs_;
  std::size_t size_ = 0;
};

/// Who may use a LUN by its administrator's word, whatever a client sets.
struct AccessRules {
  std::vector<Mac> allow;  // everyone where empty
  std::vector<Mac> deny;   // allowed or not

  bool admits(Mac source) const {
    const auto names = [source](const std::vector<Mac>& macs) {
      return std::ranges::find(macs, source) != macs.end();
    };
    return !names(deny) && (allow.empty() || names(allow));
  }
};

class MaskList {
 public:
  /// What an edit came to. With an error, the directives before the bad one are done, and stay
  /// done.
  struct Edit {
    MaskError error = MaskError::none;
    std::uint8_t directives_done = 0;
    bool changed = false;  // is the list another than before?
  };

  /// An empty list admits everyone.
  bool admits(Mac source) const { return macs_.empty() || macs_.contains(source); }
  /// Runs directives in order and stops at a bad one (bad_directive), or at an addition that would
  /// make more than `entries_max` entries (list_full). Adding what is there and removing what is
  /// not succeed.
  Edit edit(const DirectiveList& directives, std::size_t entries_max);
  std::span<const Mac> entries() const { return macs_.entries(); }
  /// Replaces the list: at most MacSet::capacity addresses; one named twice counts once.
  void set(std::span<const Mac> macs);

 private:
  MacSet macs_;
};

class Reservation {
 public:
  /// An empty reservation admits everyone.
  bool admits(Mac source) const { return macs_.empty() || macs_.contains(source); }
  /// Replaces the reservation: at most MacSet::capacity addresses; one named twice counts once. Is
  /// it another than before?
  bool set(std::span<const Mac> macs);
  std::span<const Mac> entries() const { return macs_.entries(); }

 private:
  MacSet macs_;
};

}  // namespace aoe::target
