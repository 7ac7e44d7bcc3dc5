// The order of requests that overlap: of two that touch the same sector, at least one of them to
// change it, the later waits until the earlier is over.
//
// Owned by a device's requests, which join when they are submitted and leave when they are over.
// Ranges lie in one array that is scanned: a read among reads costs nothing, everything else one
// pass over what is outstanding, once a request. Allocates only while there are more requests than
// ever before.
#pragma once

#include <cstdint>
#include <vector>

#include "initiator/engine/pool.h"

namespace aoe::initiator {

class RangeOrder {
 public:
  enum class Access : std::uint8_t { read, change };

  /// Returns whether the request may start at once. A range of no sectors meets nothing.
  bool join(Index request, std::uint64_t lba, std::uint64_t sectors, Access access);
  /// The request is over, whether it started or not. Appends those that may start now.
  void leave(Index request, std::vector<Index>& ready);

 private:
  struct Entry {
    std::uint64_t begin;
    std::uint64_t end;
    std::uint64_t number;  // counts those that joined: the smaller is the earlier
    Index request;
    std::uint32_t waits_for;  // so many earlier ones
    Access access;
  };
  static bool conflict(const Entry& a, const Entry& b) {
    return a.begin < b.end && b.begin < a.end &&
           (a.access == Access::change || b.access == Access::change);
  }

  std::vector<Entry> entries_;         // in no order
  std::vector<std::size_t> position_;  // in entries_, by request
  std::uint64_t next_number_ = 0;
  std::size_t changing_ = 0;
  std::size_t waiting_ = 0;
};

}  // namespace aoe::initiator
