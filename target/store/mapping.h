// A part of a file mapped into memory, and copies from and to it that survive a fault.
//
// Where the file cannot provide a page (a hole that a full disk cannot fill, a file that was
// truncated, a disk that fails) the processor faults in the middle of a copy. Such a fault becomes
// the error of that copy (guarded_copy.h). A write that failed may have been done in part.
//
// Where a page is not in memory a copy waits for the disk. is_at_hand() says beforehand whether it
// would, as a rule; a wait that comes all the same is in Handover::lend().
#pragma once

#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

#include <tl/expected.hpp>

#include "base/bytes.h"
#include "target/store/file.h"
#include "target/store/guarded_copy.h"
#include "target/store/handover.h"

namespace aoe::target {

class Mapping {
 public:
  /// Maps `range` of the file. The file and `handover` outlive it. Errors name the file.
  static tl::expected<Mapping, std::string> open(const File& file, ByteRange range, bool writable,
                                                 Handover& handover);

  Mapping(Mapping&& other) noexcept
      : pages_(std::exchange(other.pages_, {})),
        bytes_(other.bytes_),
        descriptor_(other.descriptor_),
        is_owner_(other.is_owner_),
        offset_(other.offset_),
        disk_(other.disk_),
        handover_(other.handover_),
        at_hand_(other.at_hand_) {}
  Mapping& operator=(Mapping&&) = delete;
  ~Mapping();

  std::uint64_t size() const { return bytes_.size(); }

  // Parts lie within the mapping.

  /// Returns the memory of a part, which nobody has touched: reading it may wait, and may fault.
  Bytes memory(std::uint64_t offset, std::size_t size) const {
    return bytes_.subspan(offset, size);
  }
  /// Returns what of the mapping is in the pages of a part.
  ByteRange pages_of(std::uint64_t offset, std::size_t size) const;
  /// Returns whether the pages of a part are in memory. Where many answers of the kernel in a row were
  /// the same, it is asked only now and then: a guess, which costs next to nothing.
  bool is_at_hand(std::uint64_t offset, std::size_t size) {
    if (is_stuck()) return false;
    if (at_hand_.trusted == 0) return ask_whether_at_hand(offset, size);
    --at_hand_.trusted;
    return at_hand_.answer;
  }
  /// Whether a thread waits for the disk already, so that nothing should be copied now.
  bool is_stuck() const { return handover_.is_stuck(disk_); }
  /// The same as is_at_hand(), but asks each time.
  bool is_in_memory(std::uint64_t offset, std::size_t size) const;
  /// Returns the memory of a part after each of its pages was touched, so that reading it soon neither
  /// waits nor faults, unless a page is evicted or the file changes in between; nothing where a page
  /// can't be provided.
  Bytes view(std::uint64_t offset, std::size_t size) const {
    const Bytes part = memory(offset, size);
    bool is_there = true;
    handover_.lend(disk_, [&] { is_there = guarded_touch(part, pages_); });
    return is_there ? part : Bytes{};
  }
  /// Returns memory to read pages to that are only to be in memory: the same for all that read some, at
  /// the same time. `size` is that of the pages of a frame's data at most.
  static MutableBytes room_for_unused(std::size_t size);
  /// Has the disk begin to read this part, which may wait. Costs a system call.
  void expect(std::uint64_t offset, std::uint64_t size) const;
  // Copies of a part. EIO, or ENOSPC where the file system is full: a page can't be provided, and
  // bytes of `into` or of the file may have been copied.

  std::error_code read(std::uint64_t offset, MutableBytes into) const;
  std::error_code write(std::uint64_t offset, Bytes from) const;
  /// Sets these bits of a byte, whatever another thread that waits for the disk does to others of it.
  std::error_code add_bits(std::uint64_t offset, std::uint8_t bits) const;
  /// Reads also what can't be mapped, as a hole of a tmpfs that is full. `into` belongs to the calling
  /// thread alone (see Handover::lend()).
  std::error_code read_by_call(std::uint64_t offset, MutableBytes into) const;

 private:
  bool ask_whether_at_hand(std::uint64_t offset, std::size_t size);
  Mapping(MutableBytes pages, MutableBytes bytes, const File& file, std::uint64_t offset,
          Handover& handover)
      : pages_(pages),
        bytes_(bytes),
        descriptor_(file.descriptor()),
        is_owner_(file.is_own()),
        offset_(offset),
        disk_(file.disk()),
        handover_(handover) {}

  MutableBytes pages_;  // what is mapped: whole pages
  MutableBytes bytes_;  // the range in them
  int descriptor_;
  bool is_owner_;         // the kernel tells this process which pages are in memory
  std::uint64_t offset_;  // of the range, in the file
  std::uint64_t disk_;
  Handover& handover_;

  /// What is_at_hand() goes by.
  struct AtHand {
    bool answer = false;    // of the kernel, the last one
    unsigned in_a_row = 0;  // the same answer
    unsigned trusted = 0;   // parts of which it is still taken to be true without a question
  } at_hand_;
};

}  // namespace aoe::target
