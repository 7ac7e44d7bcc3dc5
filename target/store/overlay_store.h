// A writable store over an image that many LUNs share: what is written goes into a delta file, and
// everything else is read from the base (copy on write, blocks of 4096 bytes).
//
// Owns both files and mappings of them. Reads and writes are done at once where the pages that they
// need are in memory, as in a MappedStore; where they are not, the queue reads them first. Flushes
// and trims go through the queue. The first write into part of a block copies
// the rest of it from the base. A whole block that is trimmed reads as zeros from then on; of a
// block trimmed in part nothing changes.
//
// The delta file, sparse, all numbers little-endian:
//
//        0  header, written once:
//             0   8  "AoEdelta"
//             8   4  version: 2
//            12   4  bytes in a block: 4096
//            16   8  size of the base, bytes
//            24   8  when the base was last changed, nanoseconds since 1970; 0 of a device
//            32   8  offset of the part of the base that is served, bytes
//            40   8  its length, bytes; n blocks, the last perhaps short
//            48   8  FNV-1a (64 bits) of the 48 bytes before
//            56   8  of that part: FNV-1a of 256 of its blocks, or of all if there are fewer
//            64   8  FNV-1a of the 64 bytes before
//     4096  session: 64 bytes, the boot id of the machine for which the live bitmap holds
//     8192  live bitmap: n bits, bit 0 of byte 0 is block 0; whole blocks
//     then  stable bitmap, of the same form and size
//     then  data: every block at its place, or a hole
//
// A bit says that the block is in the delta. The live bitmap is a mapping, and its bit is set as
// soon as the data of a block is in the page cache, which survives the process: if that is killed
// at any instant, each block is as it was before a write or after it, and nothing that was
// acknowledged is lost. The page cache does not survive the machine, nor is the order known in
// which it reached the disk. So a flush makes the data stable first, then writes those bits to the
// stable bitmap that were set when it began, and makes that stable. Where the boot id is another
// than the session's, the live bitmap is made again from the stable one: a block is taken from the
// delta only if all of it is there.
//
// The base is the same if it has the size and the time of the header, or if its blocks that the
// header's hash is of are the same: a copy of the base, or another time, does no harm. Version 1
// ends after the first hash: such a delta needs a base of the same time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "target/store/disk_queue.h"
#include "target/store/file.h"
#include "target/store/flusher.h"
#include "target/store/mapping.h"
#include "target/store/puncher.h"
#include "target/store/store.h"

namespace aoe::target {

/// Returns the id of this boot of the machine; empty if the kernel does not provide one.
std::string boot_id();

class OverlayStore final : public Store {
 public:
  static constexpr std::uint64_t block_size = 4096;

  /// Opens a store over `range`, whole sectors within `base`. `delta` is writable and used by no
  /// other store; an empty one is initialised. With an empty boot id the live bitmap is never used.
  /// The queue and `handover` outlive the store. Errors name the delta: "client3.cow: made over another
  /// golden.img (it has changed since)", "client3.cow: its header is damaged", "client3.cow: not an
  /// overlay".
  static tl::expected<std::unique_ptr<OverlayStore>, std::string> open(
      File base, ByteRange range, File delta, DiskQueue& queue, Handover& handover,
      const std::string& boot_id = target::boot_id());

  ~OverlayStore() override;

  std::uint64_t size() const override { return base_mapping_.size(); }
  StoreTraits traits() const override;
  std::uint32_t copied_size() const override { return block_size; }
  std::optional<std::error_code> try_now(const Operation& operation) override;
  void start(Operation& operation) override;
  void submit() override { queue_.submit(); }
  void wait() override { queue_.wait(); }
  std::string trouble() const override;

 private:
  /// Offsets in the delta, bytes.
  struct Layout {
    explicit Layout(std::uint64_t length);

    std::uint64_t bitmap_size;
    std::uint64_t live_at;
    std::uint64_t stable_at;
    std::uint64_t data_at;
    std::uint64_t end;
  };

  /// Data, then the bits of the stable bitmap that have changed, each made stable.
  class DeltaFlusher final : public Flusher {
   public:
    explicit DeltaFlusher(OverlayStore& store)
        : Flusher(store.delta_, store.layout_.end, store.queue_), store_(store) {}

   private:
    enum class Step : std::uint8_t { sync_data, write_bits, sync_bits };

    void begin_round() override;
    void write_bits();
    void done(std::error_code error) override;

    OverlayStore& store_;
    Step step_ = Step::sync_data;
    std::vector<std::uint64_t> pages_;  // of the bitmap, still to be written
    std::vector<std::uint8_t> bits_;    // of these pages, as they were when the round began
  };

  class DeltaPuncher final : public Puncher {
   public:
    explicit DeltaPuncher(OverlayStore& store)
        : Puncher(store.delta_, store.layout_.data_at, store.queue_), store_(store) {}

   private:
    ByteRange punchable(ByteRange range) const override;
    std::error_code punched(ByteRange range) override;

    OverlayStore& store_;
  };

  OverlayStore(File base, std::uint64_t base_offset, File delta, const Layout& layout,
               Mapping base_mapping, Mapping data, Mapping live, std::vector<std::uint8_t> bits,
               DiskQueue& queue);
  class Fetch;

  /// A part of the store that lies in one file.
  struct Part {
    std::uint64_t offset;
    std::size_t size;
    bool in_delta;
  };

  /// Returns the first part of a range: all of it up to where the other file holds it.
  Part first_part(std::uint64_t offset, std::size_t size) const;
  Mapping& mapping_of(const Part& part) { return part.in_delta ? data_ : base_mapping_; }
  /// Returns the part of the store that a write of this one reads: nothing, or whole blocks.
  Part needed_to_write(const Part& part) const;
  std::error_code write(std::uint64_t offset, Bytes from);
  std::error_code write_new_block(std::uint64_t offset, Bytes from);
  bool has(std::uint64_t block) const { return (bits_[block / 8] >> block % 8 & 1) != 0; }
  /// Marks blocks as present in the delta.
  std::error_code add(std::uint64_t first, std::uint64_t count);
  void note_change(std::uint64_t page);

  const File base_;
  const std::uint64_t base_offset_;  // of the part that is served, in the base
  const File delta_;
  const Layout layout_;
  Mapping base_mapping_;
  Mapping data_;
  const Mapping live_;
  std::vector<std::uint8_t> bits_;            // as in the live bitmap, in memory that never faults
  std::vector<std::uint64_t> changed_pages_;  // of the bitmap, since the last flush began
  std::vector<bool> is_changed_;              // whether a page is among them
  DiskQueue& queue_;
  DeltaFlusher flusher_;
  DeltaPuncher puncher_;
  std::vector<std::unique_ptr<Fetch>> fetches_;  // reads and writes that wait for pages
};

}  // namespace aoe::target
