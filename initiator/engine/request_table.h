// A device's requests: which may start, what part of which goes next, and when each is complete.
//
// A request is handed out in parts, one for each command. It completes when all of its commands are
// done. It stays in the table while a copy of one of its writes may still be on its way: requests
// that overlap it wait until then (range_order.h). Owned by its device. Reads no clock.
#pragma once

#include <cstdint>
#include <vector>

#include "initiator/engine/actions.h"
#include "initiator/engine/ata_command.h"
#include "initiator/engine/counters.h"
#include "initiator/engine/pool.h"
#include "initiator/engine/range_order.h"

namespace aoe::initiator {

class RequestTable {
 public:
  /// What one command can name (trim.h): 64 entries of 65535 sectors.
  static constexpr std::uint32_t trim_sectors_max = 64 * 65535;

  /// Adds a valid request of `sectors` sectors (0 for a flush).
  void add(const IoRequest& request, std::uint64_t sectors);
  /// Completes an invalid request.
  void refuse(const IoRequest& request, IoError error, Actions& out);
  /// Completes a request with nothing to do.
  void complete_at_once(const IoRequest& request, Actions& out);

  bool has_part() const { return !queue_.empty(); }
  /// Returns the kind of the request whose part is next. Precondition: has_part().
  IoKind next_kind() const { return requests_[queue_.front()].request.kind; }
  /// Makes `command` the next part of a request: as large as one may be that moves `payload`
  /// sectors.
  void take_part(std::size_t payload, AtaCommand& command);
  /// Counts one command more, which takes over a part of another.
  void divide(Index request) { ++requests_[request].parts; }

  /// A command of the request is done. The first failure is the request's.
  void part_done(Index request, const Completion& result, Actions& out);
  /// Counts a command of which a copy may still be on its way, and later releases it.
  void hold(Index request) { ++requests_[request].copies; }
  void release(Index request);
  /// Completes a request whose commands the caller has given up.
  void fail(Index request, IoError error, Actions& out);

  /// Returns the request of this id that has not completed, or no_index.
  Index find(std::uint64_t id) const;
  const IoRequest& operator[](Index request) const { return requests_[request].request; }
  /// Completes all requests that have not completed.
  void fail_all(IoError error, Actions& out);

  const RequestCounters& counters() const { return counters_; }

 private:
  enum class State : std::uint8_t { blocked, queued, handed_out, complete };
  struct Progress {
    IoRequest request{};
    State state = State::blocked;
    std::uint64_t sectors = 0;
    std::uint64_t handed_out = 0;  // sectors
    unsigned parts = 0;            // commands that are not done
    unsigned copies = 0;           // commands of which a copy may still be on its way
    Completion result{};
    ListLink link{};
  };

  void complete(Index index, Actions& out);
  void count(IoKind kind, IoError error);
  void leave_if_over(Index index);

  Pool<Progress> requests_;
  List queue_;  // requests with sectors that are not handed out
  RangeOrder order_;
  std::vector<Index> ready_;
  RequestCounters counters_;
};

}  // namespace aoe::initiator
