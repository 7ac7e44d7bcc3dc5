// Tags (§2): which transmission an answer belongs to.
//
// Every transmission takes a new tag, so an answer tells which of a command's transmissions it
// answers. Tags count upwards with bit 31 set, which keeps them apart from those of a Linux aoe
// driver on the same interface. The table remembers a tag past its use, until its place is needed,
// so that late and duplicate answers are told from ones that were never asked for. Lookup and issue
// take constant time.
#pragma once

#include <cstdint>
#include <vector>

#include "base/check.h"
#include "base/instant.h"

namespace aoe::initiator {

class Device;

class TagTable {
 public:
  static constexpr std::uint32_t ours = 0x8000'0000;

  enum class State : std::uint8_t {
    unused,
    outstanding,  // its answer is awaited
    superseded,   // its command was sent again under a newer tag, or given up
    answered,
  };

  struct Entry {
    std::uint32_t tag = 0;
    std::uint32_t command = 0;  // the device's command, by its place,
    std::uint32_t use = 0;      // and which of the commands that were ever there
    Device* device = nullptr;   // whose it is
    std::uint64_t path = 0;     // the device's path that it went by, by its serial number
    Instant sent{};
    Instant overtaken = never;  // superseded for that a later one was answered first, then
    State state = State::unused;
    bool timed = true;  // its answer takes as long as the path, not as long as the disk
  };

  /// `seed` sets where counting begins, so that a restarted program does not meet its own old
  /// answers.
  explicit TagTable(std::uint64_t seed);

  /// A tag that nothing outstanding has. The entry is outstanding; the caller fills in the rest.
  /// The reference is good until the next issue().
  Entry& issue();

  /// The entry of this very tag, in whatever state; null for one that is not (or no longer) known.
  Entry* find(std::uint32_t tag);

  /// An outstanding entry ceases to be.
  void retire(Entry& entry, State as);

  /// Devices go, those that meet the condition: their entries, none of which is outstanding, are
  /// not known any more.
  template <class Condition>
  void forget_if(Condition condition) {
    for (Entry& entry : entries_) {
      if (entry.device == nullptr || !condition(*entry.device)) continue;
      AOE_CHECK(entry.state != State::outstanding);
      entry = {};
    }
  }

 private:
  Entry& place(std::uint32_t tag) { return entries_[tag & (entries_.size() - 1)]; }
  void grow();

  std::vector<Entry> entries_;  // a power of two of them; a tag's place is its low bits
  std::size_t outstanding_ = 0;
  std::uint32_t next_;
};

}  // namespace aoe::initiator
