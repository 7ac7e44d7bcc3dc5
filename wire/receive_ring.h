// Received frames in memory that the kernel shares with the program: a TPACKET_V2 ring (packet(7)).
//
// The kernel copies each frame into the next free slot, and the program reads it there: no system call
// and no further copy, which was a quarter of what an initiator spent on an answer. For this the ring
// takes all its memory at once, in the kernel, whether frames come or not; a socket's queue takes
// what waits. Frames that find all slots taken are dropped, and counted by the socket.
//
// Owned by a PacketPort, which owns the socket. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>

#include <linux/if_packet.h>
#include <tl/expected.hpp>

#include "base/bytes.h"

namespace aoe {

class ReceiveRing {
 public:
  /// Gives the socket a ring of at least `slots` slots, each for a frame of `frame_size` bytes, or of as
  /// many as 8 MiB have room for; frames that wait in the socket's queue are lost. Errors: where the
  /// kernel has no rings, or no memory.
  static tl::expected<ReceiveRing, std::error_code> open(int socket, std::size_t frame_size,
                                                         std::size_t slots);
  ReceiveRing(ReceiveRing&& other) noexcept;
  ReceiveRing& operator=(ReceiveRing&& other) = delete;
  /// Takes the ring from the socket, which has a queue again, if nobody else has the memory mapped.
  ~ReceiveRing();

  /// The same. Returns false, and the ring goes on, while the child of a fork has it mapped as well.
  bool close();

  /// Fills `frames` from the front with frames that have arrived, and returns their number. The views
  /// are valid until the next call. Adds frames that no slot has room for to `too_long`.
  std::size_t receive(std::span<Bytes> frames, std::uint64_t& too_long);

  /// Whether a frame has arrived that receive() has not returned. Looks at memory only.
  bool has_frame() const;

  /// The longest frame that a slot has room for, bytes.
  std::size_t frame_size() const { return frame_size_; }
  /// Bytes of memory.
  std::size_t size() const { return blocks_ * block_size_; }

 private:
  ReceiveRing(int socket, std::size_t frame_size, std::size_t slots);
  std::error_code make();
  std::error_code map();
  /// Of a number below twice as many as there are.
  tpacket2_hdr* slot(std::size_t number) const;

  int socket_;
  std::size_t frame_size_;
  std::size_t slot_size_;
  std::size_t block_size_;  // of contiguous memory, in the kernel: a power of two
  std::size_t slots_per_block_;
  std::size_t blocks_;
  std::size_t slots_;
  std::uint8_t* memory_ = nullptr;
  std::size_t next_ = 0;  // the slot that the next frame arrives in
  std::size_t held_ = 0;  // so many before it are the program's: the next receive() gives them back
};

}  // namespace aoe
