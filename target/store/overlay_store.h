// A writable store over an image that many LUNs share: what is written goes into a delta file, and
// everything else is read from the base (copy on write, blocks of 4096 bytes).
//
// Owns the base, a store that is only read, and the delta with mappings of it. Reads and writes are
// done at once where what they need is in memory, as in a MappedStore; where it is not, the base or
// the queue reads it first. Flushes and trims go through the queue. The first write into part of a block copies
// the rest of it from the base. A whole block that is trimmed reads as zeros from then on; of a
// block trimmed in part nothing changes.
//
// overlay_file.h has the format of the delta, and what a crash leaves of it. The live bitmap is a
// mapping here; a flush writes those pages of the stable bitmap that have changed.
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
#include "target/store/overlay_file.h"
#include "target/store/puncher.h"
#include "target/store/store.h"

namespace aoe::target {

class OverlayStore final : public Store {
 public:
  static constexpr std::uint64_t block_size = overlay_block_size;

  /// Opens a store over `base`, which holds the part of `about` that is served: `range`, whole
  /// sectors. `delta` is writable and used by no other store; an empty one is initialised. With an
  /// empty boot id the live bitmap is never used. The queue and `handover` outlive the store; what
  /// `about` refers to lives as long as `base`. Errors name the delta: "client3.cow: made over another
  /// golden.img (it has changed since)", "client3.cow: its header is damaged", "client3.cow: not an
  /// overlay".
  static tl::expected<std::unique_ptr<OverlayStore>, std::string> open(
      std::unique_ptr<Store> base, OverlayBase about, ByteRange range, File delta, DiskQueue& queue,
      Handover& handover, const std::string& boot_id = target::boot_id());

  ~OverlayStore() override;

  std::uint64_t size() const override { return base_->size(); }
  StoreTraits traits() const override;
  std::uint32_t copied_size() const override { return block_size; }
  std::optional<std::error_code> try_now(const Operation& operation) override;
  void start(Operation& operation) override;
  void submit() override;
  void wait() override;
  int descriptor() const override { return base_->descriptor(); }
  void reap() override;
  std::string trouble() const override;

  /// Whether the base is another file than the delta was made over, or was changed since, and was
  /// taken for the same by a look at some of its blocks.
  bool has_looked_at_base() const {
    return delta_.header.base_changed_at != 0 && about_base_.changed_at != 0 &&
           delta_.header.base_changed_at != about_base_.changed_at;
  }

 private:
  /// Data, then the bits of the stable bitmap that have changed, each made stable.
  class DeltaFlusher final : public Flusher {
   public:
    explicit DeltaFlusher(OverlayStore& store)
        : Flusher(store.delta_.file, store.delta_.layout.end, store.queue_), store_(store) {}

   private:
    enum class Step : std::uint8_t { sync_data, write_bits, sync_bits };

    void begin_round() override;
    void write_bits();
    void done(std::error_code error) override;

    OverlayStore& store_;
    Step step_ = Step::sync_data;
    std::vector<std::uint64_t> pages_;  // of the bitmap, that the round writes
    std::vector<std::uint8_t> bits_;    // of these pages, as they were when the round began
    std::size_t written_ = 0;           // pages
  };

  class DeltaPuncher final : public Puncher {
   public:
    explicit DeltaPuncher(OverlayStore& store)
        : Puncher(store.delta_.file, store.delta_.layout.data_at, store.queue_), store_(store) {}

   private:
    ByteRange punchable(ByteRange range) const override;
    std::error_code punched(ByteRange range) override;

    OverlayStore& store_;
  };

  OverlayStore(std::unique_ptr<Store> base, OverlayBase about, OverlayFile delta, Mapping data,
               Mapping live, DiskQueue& queue);
  class Fetch;

  /// A part of the store that lies in the delta, or in the base.
  struct Part {
    std::uint64_t offset;
    std::size_t size;
    bool in_delta;
  };

  /// Returns the first part of a range: all of it up to where the other one holds it.
  Part first_part(std::uint64_t offset, std::size_t size) const;
  /// The same for a write. Of blocks that the delta hasn't it is one that is written in part, which
  /// takes the rest from the base, or whole ones.
  Part first_part_to_write(std::uint64_t offset, std::size_t size) const;
  bool is_whole(const Part& part) const;
  // Nothing is returned where they would have to wait.

  std::optional<std::error_code> read_now(const Operation& read);
  std::optional<std::error_code> read_base_now(std::uint64_t offset, MutableBytes into);
  std::optional<std::error_code> write_now(std::uint64_t offset, Bytes from);
  /// Writes a part into blocks that the delta hasn't.
  std::optional<std::error_code> write_new(std::uint64_t offset, Bytes from);
  /// Marks blocks as present in the delta.
  std::error_code add(std::uint64_t first, std::uint64_t count);
  void note_change(std::uint64_t page);

  const std::unique_ptr<Store> base_;
  const OverlayBase about_base_;
  OverlayFile delta_;  // its live bitmap is that of the mapping, in memory that never faults
  Mapping data_;
  const Mapping live_;
  std::vector<std::uint64_t> changed_pages_;  // of the bitmap, since the last flush began
  std::vector<bool> is_changed_;              // whether a page is among them
  DiskQueue& queue_;
  std::size_t reads_of_base_ = 0;  // under way, by Fetches
  DeltaFlusher flusher_;
  DeltaPuncher puncher_;
  std::vector<std::unique_ptr<Fetch>> fetches_;  // reads and writes that wait
};

}  // namespace aoe::target
