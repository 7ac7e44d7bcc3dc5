// A device's requests: which may start, what part of which goes next, and when each is complete.
//
// A request is handed out in parts that each become one command. It completes when all of its parts
// are done, and stays past that while a copy of one of its writes may still be on its way: requests
// that overlap it wait until that is over (range_order.h). Owned by its device. Reads no clock.
#pragma once

#include <cstdint>
#include <vector>

#include "initiator/engine/actions.h"
#include "initiator/engine/counters.h"
#include "initiator/engine/range_order.h"
#include "initiator/engine/slots.h"

namespace aoe::initiator {

class RequestTable {
 public:
  /// Part of a request: what one command moves, trims or flushes.
  struct Part {
    Slot request = no_slot;
    std::uint64_t lba = 0;
    std::uint32_t sectors = 0;
    std::size_t offset = 0;  // of its data in the request's buffer, bytes
  };
  /// What one command can name (trim.h): 64 entries of 65535 sectors.
  static constexpr std::uint32_t trim_sectors_max = 64 * 65535;

  /// A request that is in order, of so many sectors: none for a flush.
  void add(const IoRequest& io, std::uint64_t sectors);
  /// One that is not.
  void refuse(const IoRequest& io, IoError error, Actions& out);
  /// A request with nothing to do.
  void complete_at_once(const IoRequest& io, Actions& out);

  bool has_part() const { return !queue_.empty(); }
  /// The next part: as large as a command may be that moves `payload` sectors.
  Part take_part(std::size_t payload);
  /// A part is divided among one command more.
  void divide(Slot request) { ++requests_[request].parts; }

  /// The command of a part is done. The first failure is the request's.
  void part_done(Slot request, const Completion& result, Actions& out);
  /// A copy of it may still be on its way; it is not, any more.
  void hold(Slot request) { ++requests_[request].copies; }
  void release(Slot request);
  /// Completes at once; the caller has given up its commands.
  void fail(Slot request, IoError error, Actions& out);

  /// One that has not completed; no_slot: none.
  Slot find(std::uint64_t id) const;
  const IoRequest& io(Slot request) const { return requests_[request].io; }
  /// Fails all that have not completed.
  void fail_all(IoError error, Actions& out);

  const RequestCounters& counters() const { return counters_; }

 private:
  enum class State : std::uint8_t { blocked, queued, handed_out, complete };
  struct Request {
    IoRequest io{};
    State state = State::blocked;
    std::uint64_t sectors = 0;
    std::uint64_t handed_out = 0;  // of them
    unsigned parts = 0;            // handed out and not done
    unsigned copies = 0;           // that may still be on their way
    Completion result{};
    SlotLink link{};
  };

  void complete(Slot index, Actions& out);
  void count(IoKind kind, IoError error);
  void leave_if_over(Slot index);

  Slots<Request> requests_;
  SlotList queue_;  // those with parts not handed out yet
  RangeOrder order_;
  std::vector<Slot> ready_;
  RequestCounters counters_;
};

}  // namespace aoe::initiator
