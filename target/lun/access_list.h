// Who may use a LUN: its administrator's rules, its MAC mask list (AoEr11 §3.3) and its reservation
// (§3.4).
//
// Mask list and reservation are sets of addresses. Owned and called by Lun. They know nothing of
// frames but the lists in them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "proto/frame.h"

namespace aoe::target {

/// What a client that is answered may do with a LUN, besides discovering and identifying it and asking
/// what is set there.
enum class Right : std::uint8_t {
  read,        // the disk
  write,       // the disk, which includes trims and what changes SMART; a flush needs no right
  config_set,  // set the config string (§3.2)
  mask,        // edit the mask list (§3.3)
  reserve,     // set or release the reservation (§3.4)
};
inline constexpr int right_count = static_cast<int>(Right::reserve) + 1;

/// A set of rights; all of them by default.
class Rights {
 public:
  static constexpr Rights none() { return Rights(0); }
  constexpr Rights() : Rights((1 << right_count) - 1) {}

  constexpr bool has(Right right) const { return (bits_ >> static_cast<int>(right) & 1) != 0; }
  constexpr void add(Right right) {
    bits_ |= static_cast<std::uint8_t>(1 << static_cast<int>(right));
  }

  bool operator==(const Rights&) const = default;

 private:
  constexpr explicit Rights(int bits) : bits_(static_cast<std::uint8_t>(bits)) {}

  std::uint8_t bits_;
};

/// The rights of clients, by their addresses.
struct ClientRights {
  Rights everyone;              // of each client that is not named
  std::map<Mac, Rights> named;  // these have no others

  Rights of(Mac client) const {
    if (named.empty()) return everyone;
    const auto found = named.find(client);
    return found == named.end() ? everyone : found->second;
  }
  bool operator==(const ClientRights&) const = default;
};

/// The administrator's rules on who may use a LUN. They hold whatever clients set.
struct AccessRules {
  std::vector<Mac> allow = {};  // everyone where empty
  std::vector<Mac> deny = {};   // never answered, even if allowed
  ClientRights rights = {};     // of those that are answered

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
