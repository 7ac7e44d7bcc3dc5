// The order of requests that overlap: of two that use the same sector, at least one of them to
// change it, the later waits until the earlier is over.
//
// Owned by a device's table of requests: a request joins when it is submitted and leaves when it is
// over. Ranges are in one array that is scanned: a read among reads costs nothing, everything else
// one pass over what is outstanding, once for each request. Allocates only while there are more
// requests than ever before.
#pragma once

#include <cstdint>
#include <vector>

#include "initiator/engine/pool.h"

namespace aoe::initiator {

class RangeOrder {
 public:
  enum class Access : std::uint8_t { read, change };

  /// Adds a request. Returns whether it may start at once. A range of no sectors overlaps nothing.
  bool join(Index request, std::uint64_t lba, std::uint64_t sectors, Access access);
  /// Removes a request, whether it started or not. Appends to `ready` those that may start now.
  void leave(Index request, std::vector<Index>& ready);

 private:
  struct Entry {
    std::uint64_t begin;
    std::uint64_t end;
    std::uint64_t number;  // counts the requests that joined: the smaller is the earlier
    Index request;
    std::uint32_t waits_for;  // how many earlier ones it waits for
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
