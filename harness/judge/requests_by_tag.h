// The latest request of each initiator by its tag, in a capture: for replies of which it does not say to
// whom they go, or that go to another than asked. Two initiators may use one tag at the same time.
//
// Holds what Dialogue has added and not removed yet, and of one tag no more than `clients_max`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "harness/judge/reply_rules.h"
#include "harness/judge/tracker.h"

namespace aoe::harness {

class RequestsByTag {
 public:
  /// Of more initiators with one tag, the earliest requests are left out.
  static constexpr std::size_t clients_max = 64;

  /// The initiator's earlier request with the tag is not known any more.
  void add(std::uint32_t tag, StationId client, Tracker::Index request);
  void remove(std::uint32_t tag, Tracker::Index request);
  std::optional<Tracker::Index> latest(std::uint32_t tag) const;
  /// Returns those of all initiators, the latest last.
  std::vector<Tracker::Index> all(std::uint32_t tag) const;

 private:
  struct Entry {
    StationId client;
    Tracker::Index request;
  };

  FrameMap<Entry> latest_;                // by tag
  FrameMap<std::vector<Entry>> earlier_;  // where others have used the tag before
};

}  // namespace aoe::harness
