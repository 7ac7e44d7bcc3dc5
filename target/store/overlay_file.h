// The delta file of an overlay: its format, what it is over, and which blocks it has. Shared by what
// serves an overlay (overlay_store.h) and what changes one for an administrator (overlay_change.h).
//
// The delta file, sparse, all numbers little-endian:
//
//        0  header:
//             0   8  "AoEdelta"
//             8   4  version: 2; 3 while the blocks of the delta are being written into the base
//            12   4  bytes in a block: 4096
//            16   8  size of the base, bytes
//            24   8  when the base was last changed, nanoseconds since 1970; 0 where
//                    no time is known: a device, an NBD export
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
// A bit says that the block is in the delta. The live bitmap's bit is set as soon as the data of a
// block is in the page cache, which survives the process: if that is killed at any instant, each
// block is as it was before a write or after it, and nothing that was acknowledged is lost. The page
// cache does not survive the machine, nor is the order known in which it reached the disk. So a
// flush makes the data stable first, then writes those bits to the stable bitmap that were set when
// it began, and makes that stable. Where the boot id is another than the session's, the live bitmap
// is made again from the stable one: a block is taken from the delta only if all of it is there.
//
// The base is the same if it has the size and the time of the header, or if its blocks that the
// header's hash is of are the same: a copy of the base, or another time, does no harm. Version 1
// ends after the first hash: such a delta needs a base of the same time. In version 3 the hash is of
// what the base will be: of the base with the blocks of the delta over it, which is the same however
// many of them have been written. Such a delta can't be served.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <system_error>
#include <vector>

#include <tl/expected.hpp>

#include "target/store/file.h"

namespace aoe::target {

/// Returns the id of this boot of the machine; empty if the kernel does not provide one.
std::string boot_id();

/// Blocks are copied as a whole; bytes.
inline constexpr std::uint64_t overlay_block_size = 4096;

/// Returns a number of bytes rounded up to whole blocks.
constexpr std::uint64_t whole_overlay_blocks(std::uint64_t bytes) {
  return (bytes + overlay_block_size - 1) / overlay_block_size * overlay_block_size;
}

/// Where the parts of a delta are, bytes.
struct OverlayLayout {
  /// `length`: of the part of the base that is served.
  explicit OverlayLayout(std::uint64_t length);

  std::uint64_t bitmap_size;
  std::uint64_t live_at;
  std::uint64_t stable_at;
  std::uint64_t data_at;
  std::uint64_t end;
};

/// The base of an overlay, as far as it is compared with what a delta knows of it.
struct OverlayBase {
  /// A file, which outlives this.
  OverlayBase(const File& file);
  /// What another store holds, which is known by its size and content alone.
  OverlayBase(std::string name, std::uint64_t bytes,
              std::function<std::error_code(std::uint64_t offset, MutableBytes into)> read_part);

  std::string path;
  std::uint64_t size;        // bytes
  std::uint64_t changed_at;  // nanoseconds since 1970; 0 where no time is known
  /// Reads a part, and waits for it.
  std::function<std::error_code(std::uint64_t offset, MutableBytes into)> read;
  /// Returns whether it is known to have changed since it was opened; waits for nothing.
  std::function<bool()> has_changed;
};

/// What a delta is over.
struct OverlayHeader {
  std::uint32_t version;
  std::uint64_t base_size;        // bytes
  std::uint64_t base_changed_at;  // nanoseconds since 1970; 0 where none is known
  ByteRange part;                 // of the base
  std::uint64_t content;          // hash of that part; 0 in version 1

  /// Whether the blocks of the delta are being written into the base.
  bool is_committing() const;
  /// Returns the header while that goes on; `content_after` is the hash when it is over.
  OverlayHeader committing(std::uint64_t content_after) const;

  /// Returns the header of a delta over this part of a base as it is now. Error: that of reading it.
  static tl::expected<OverlayHeader, std::string> over(const OverlayBase& base, ByteRange part);
};

/// By what a file was recognised as the base of a delta.
enum class BaseMatch : std::uint8_t { none, same_time, same_content };

/// A delta file, open, and its bitmaps in memory. Errors name the file: "client3.cow: its header is
/// damaged". Used by one thread at a time.
struct OverlayFile {
  /// Reads a delta; changes nothing. With an empty boot id the live bitmap is never used. Errors:
  /// "client3.cow: not an overlay", "client3.cow: its header is damaged", "client3.cow: shorter than
  /// its header says", "client3.cow: an overlay of version 4; this program knows versions 1 to 3".
  static tl::expected<OverlayFile, std::string> open(File file, const std::string& boot_id);
  /// Writes the header of a new delta into an empty file; begin() makes the rest.
  static tl::expected<OverlayFile, std::string> make(File file, const OverlayHeader& header,
                                                     const std::string& boot_id);

  std::uint64_t blocks() const {
    return whole_overlay_blocks(header.part.length) / overlay_block_size;
  }
  /// Whether a block is in the delta.
  bool has(std::uint64_t block) const { return (live[block / 8] >> block % 8 & 1) != 0; }
  void set(std::uint64_t block, bool has_it);
  /// Returns the size of a block, bytes: the last may be short.
  std::uint64_t size_of(std::uint64_t block) const;

  /// Returns whether, and by what, a file is the base of this delta. Error: that of reading it.
  tl::expected<BaseMatch, std::string> match(const OverlayBase& base) const;
  /// Returns the hash of the base with the blocks of the delta over it.
  tl::expected<std::uint64_t, std::string> content_over(const OverlayBase& base) const;
  /// Returns why it can't be served over this part of a base; "" if it can.
  std::string objection_to(const OverlayBase& base, ByteRange part) const;

  /// Begins to use a writable delta in this boot of the machine: gives it its whole size, and makes
  /// the live bitmap on the disk that in memory.
  tl::expected<void, std::string> begin();
  /// Makes the data stable, then both bitmaps as the live one in memory, then these stable.
  tl::expected<void, std::string> save_bits();
  /// Writes the header and makes it stable.
  tl::expected<void, std::string> save_header(const OverlayHeader& changed);

  File file;
  OverlayHeader header;
  OverlayLayout layout;
  std::string session;  // boot id
  std::vector<std::uint8_t>
      live;  // of this boot: as the stable one where the session is of another
  std::vector<std::uint8_t> stable;  // as on the disk when it was opened
  std::uint64_t lost_blocks = 0;  // in the live bitmap of another boot, and not in the stable one
  bool is_of_this_boot = false;   // the live bitmap on the disk holds
  bool is_short = false;          // new, or its initialisation was interrupted
};

}  // namespace aoe::target
