// A disk of sectors, read and written by the byte.
//
// Sectors that are written in part keep their other bytes: they are read, changed and written back,
// while no other write of the same ByteDisk comes between. So all who write to a disk share one
// ByteDisk. Overlapping writes and zeros take effect in the order in which they were begun. One
// thread; callbacks come from where the SectorDisk's come from.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <vector>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/system/error_code.hpp>

#include "base/bytes.h"
#include "base/instant.h"

namespace aoe::initiator {

/// Returns a callback that calls `done` at its `times`-th call, with an error if any call had one.
std::function<void(boost::system::error_code)> after(
    int times, std::function<void(boost::system::error_code)> done);

/// Through which an operation may be cancelled: it then fails soon. Unconnected: it can't be.
using CancelSlot = boost::asio::cancellation_slot;

/// The disk below a ByteDisk. Offsets and lengths are bytes, whole sectors. Requests that overlap
/// take effect in the order in which they were begun; `done` is called once, and not from within
/// the function that began the request; buffers stay in place until then.
class SectorDisk {
 public:
  using Done = std::function<void(boost::system::error_code)>;

  virtual void read(std::uint64_t offset, MutableBytes into, Done done, CancelSlot slot) = 0;
  virtual void write(std::uint64_t offset, Bytes from, Done done, CancelSlot slot) = 0;
  virtual void flush(Done done, CancelSlot slot) = 0;
  virtual void trim(std::uint64_t offset, std::uint64_t length, Done done, CancelSlot slot) = 0;
  /// Whether trimmed sectors read as zeros.
  virtual bool trim_zeroes() const = 0;

 protected:
  ~SectorDisk() = default;
};

class ByteDisk {
 public:
  using Done = SectorDisk::Done;
  /// The bytes are valid until the callback returns.
  using ReadDone = std::function<void(boost::system::error_code, Bytes)>;

  /// `disk` outlives the ByteDisk, which outlives all that it began.
  explicit ByteDisk(SectorDisk& disk) : disk_(disk) {}
  ByteDisk(const ByteDisk&) = delete;
  ByteDisk& operator=(const ByteDisk&) = delete;

  /// Who has read something and is to know when it changes.
  class ChangeListener {
   public:
    /// A write or zeros go to the disk: reads that were begun before do not see them.
    virtual void changed(std::uint64_t offset, std::uint64_t length) = 0;
    /// Another needs memory for what it reads: what is too old to be used is to be let go.
    virtual void let_go(Instant now) = 0;

   protected:
    ~ChangeListener() = default;
  };
  void listen(ChangeListener& listener) { listeners_.push_back(&listener); }
  void unlisten(ChangeListener& listener) { std::erase(listeners_, &listener); }
  void ask_for_room(Instant now) const {
    for (ChangeListener* const listener : listeners_) listener->let_go(now);
  }

  void read(std::uint64_t offset, std::size_t size, ReadDone done, CancelSlot slot = {});
  /// The same of whole sectors, into the caller's memory, which stays in place until `done` is called.
  void read_sectors(std::uint64_t offset, MutableBytes into, Done done, CancelSlot slot) {
    disk_.read(offset, into, std::move(done), slot);
  }
  /// `from` stays in place until `done` is called. Sectors that are written in part are, whether it
  /// is cancelled or not.
  void write(std::uint64_t offset, Bytes from, Done done, CancelSlot slot = {});
  void flush(Done done, CancelSlot slot = {});

  bool can_punch() const { return disk_.trim_zeroes(); }
  /// Makes bytes read as zeros: trimmed if the disk can do that, else written.
  void zero(std::uint64_t offset, std::uint64_t length, Done done, CancelSlot slot = {});

 private:
  /// A change that needs more than one request to the disk, or that waits for such a change.
  struct Update {
    enum class Kind : std::uint8_t { whole, in_part, zeros };  // zeros: whole sectors of them

    std::uint64_t first;  // sectors that it touches
    std::uint64_t last;
    bool started = false;
    Kind kind;
    std::uint64_t offset;  // of zeros: where they are to be written next
    Bytes from{};
    Done done;
    CancelSlot slot{};
    std::vector<std::uint8_t> sectors{};  // in part: what is written in the end
    int reads = 0;                        // outstanding
    boost::system::error_code error{};
  };
  using Updates = std::list<Update>;

  bool must_wait(Updates::const_iterator update) const;
  void start_what_can();
  void start_in_part(Updates::iterator update);
  void write_back(Updates::iterator update);
  void start_zeros(Updates::iterator update);
  void write_zeros(Updates::iterator update);
  void finish(Updates::iterator update, boost::system::error_code error);

  void write_sectors(std::uint64_t offset, Bytes from, Done done, CancelSlot slot);
  void tell_change(std::uint64_t offset, std::uint64_t length) const;

  std::vector<std::uint8_t> take_buffer(std::size_t size);

  SectorDisk& disk_;
  std::vector<ChangeListener*> listeners_;
  Updates updates_;  // in the order in which they came
  std::vector<std::vector<std::uint8_t>> unused_buffers_;
};

}  // namespace aoe::initiator
