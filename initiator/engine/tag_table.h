// Tags (§2): which transmission an answer belongs to.
//
// Every transmission takes a new tag, so a reply tells which of a command's transmissions it
// answers. Tags have bit 31 set, which keeps them apart from those of a Linux aoe driver on the same
// interface, have six bits that keep them apart from those of most other programs, and can't be
// guessed (tag_sequence.h). The table remembers a tag past its use, until
// its place is needed: so late and duplicate replies differ from replies that nobody asked for.
// Lookup and issue take constant time.
//
// The engine owns two, of unrelated sequences. One is for what is sent to one target. The other is
// for discoveries and queries, which are broadcast: everyone sees their tags.
#pragma once

#include <cstdint>
#include <vector>

#include "base/check.h"
#include "base/instant.h"
#include "initiator/engine/actions.h"
#include "initiator/engine/tag_sequence.h"
#include "proto/address.h"

namespace aoe::initiator {

class Device;

/// One sending of a command or query, known by its tag.
struct Transmission {
  enum class State : std::uint8_t {
    unused,
    outstanding,  // its answer is awaited
    superseded,   // its command was sent again under a newer tag, or given up
    answered,
  };

  std::uint32_t tag = 0;
  std::uint64_t command = 0;  // the device's command, by its id in the device's pool
  Device* device = nullptr;   // whose it is; null for a query
  std::uint64_t path = 0;     // serial number of the device's path that it went by, or of the query
  Mac asked{};                // where it went
  Instant sent{};
  Instant overtaken = never;  // superseded because a later one was answered first, at this time
  State state = State::unused;
  bool cancelled = false;    // superseded because nobody wants its answer any more
  bool expired = false;      // superseded because its timeout had passed
  std::uint8_t sectors = 0;  // of data that it moves; 0 for other commands
  IoKind kind = IoKind::read;
  bool timed = true;  // its answer takes as long as the path, not as long as the disk
};

class TagTable {
 public:
  static constexpr std::uint32_t ours = 0x8000'0000;
  using State = Transmission::State;

  /// The tags' bit 30, which keeps the two tables apart.
  enum class For : std::uint32_t { one_target = 0, everyone = 0x4000'0000 };

  /// `key` decides all tags. A live program's is random, so that nobody can guess them, and a
  /// program that starts again does not take answers to its old requests for its own.
  TagTable(For whom, std::uint64_t key);

  /// Issues a tag that the table does not remember, for what is answered without being awaited.
  std::uint32_t draw();

  /// Issues a tag that nothing outstanding has. The transmission is outstanding, and the caller
  /// fills in the rest. The reference is valid until the next issue().
  Transmission& issue();

  /// Returns the transmission of this tag, in whatever state. Null for a tag that was never issued,
  /// or whose place has been used again.
  Transmission* find(std::uint32_t tag);

  /// What all tags that it issues have in common.
  TagPattern pattern() const { return sequence_.pattern(); }

  /// Ends an outstanding transmission: `as` is what it is from now on.
  void retire(Transmission& transmission, State as);

  /// Takes back that a transmission was superseded: its answer is awaited again.
  void await_again(Transmission& transmission);

  /// Forgets the transmissions of the devices that meet the condition. None of them is outstanding.
  template <class Condition>
  void forget_if(Condition condition) {
    for (Transmission& transmission : transmissions_) {
      if (transmission.device == nullptr || !condition(*transmission.device)) continue;
      AOE_CHECK(transmission.state != State::outstanding);
      transmission = {};
    }
  }

 private:
  Transmission& place(std::uint32_t number) {
    return transmissions_[number & (transmissions_.size() - 1)];
  }
  void grow();

  const TagSequence sequence_;
  // A power of two of them; a tag's place is the low bits of its number in the sequence.
  std::vector<Transmission> transmissions_;
  std::size_t outstanding_ = 0;
  std::uint32_t next_ = 0;  // number
};

}  // namespace aoe::initiator
