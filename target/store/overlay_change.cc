#include "target/store/overlay_change.h"

#include <fcntl.h>
#include <linux/falloc.h>

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace aoe::target {
namespace {

/// Blocks that are read at a time: 1 MiB.
constexpr std::uint64_t blocks_at_a_time = 256;

using Done = tl::expected<void, std::string>;
using Changed = tl::expected<std::uint64_t, std::string>;

Done result_of(const File& file, const std::error_code& error) {
  if (error) return tl::unexpected(fmt::format("{}: {}", file.path(), error.message()));
  return {};
}

/// Where the blocks of the disk are in a file, bytes.
struct Image {
  const File& file;
  std::uint64_t start;

  Done read(std::uint64_t block, MutableBytes into) const {
    return result_of(file, file.read(start + block * overlay_block_size, into));
  }
  Done write(std::uint64_t block, Bytes from) const {
    return result_of(file, file.write(start + block * overlay_block_size, from));
  }
};

Image data_of(const OverlayFile& delta) {
  return {delta.file, delta.layout.data_at};
}
Image served_part_of(const File& base, const OverlayFile& delta) {
  return {base, delta.header.part.offset};
}

/// A block as two images hold it.
using Visit = std::function<Done(std::uint64_t block, Bytes one, Bytes other)>;

/// Visits the blocks that the delta has (`own`), or those that it hasn't.
Done for_each_block(const OverlayFile& delta, bool own, const Image& one, const Image& other,
                    const OverlayProgress& progress, const Visit& visit) {
  std::vector<std::uint8_t> room(2 * blocks_at_a_time * overlay_block_size);
  for (std::uint64_t first = 0; first < delta.blocks(); first += blocks_at_a_time) {
    const std::uint64_t end = std::min(first + blocks_at_a_time, delta.blocks());
    progress(first * overlay_block_size);
    std::uint64_t wanted = first;
    while (wanted < end && delta.has(wanted) != own) ++wanted;
    if (wanted == end) continue;
    const std::uint64_t size = (end - 1 - first) * overlay_block_size + delta.size_of(end - 1);
    const MutableBytes of_one = MutableBytes(room).first(size);
    const MutableBytes of_other = MutableBytes(room).subspan(room.size() / 2, size);
    if (auto read = one.read(first, of_one); !read) return read;
    if (auto read = other.read(first, of_other); !read) return read;
    for (std::uint64_t block = wanted; block < end; ++block) {
      if (delta.has(block) != own) continue;
      const std::uint64_t at = (block - first) * overlay_block_size;
      const std::uint64_t its_size = delta.size_of(block);
      auto visited = visit(block, of_one.subspan(at, its_size), of_other.subspan(at, its_size));
      if (!visited) return visited;
    }
  }
  return {};
}

/// Makes holes of the blocks that the delta hasn't, where its file system can.
Done punch_rest(const OverlayFile& delta) {
  if (!delta.file.can_punch()) return {};
  for (std::uint64_t block = 0; block < delta.blocks();) {
    const std::uint64_t first = block;
    while (block < delta.blocks() && !delta.has(block)) ++block;
    if (block == first) {
      ++block;
    } else if (::fallocate(delta.file.descriptor(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                           static_cast<off_t>(delta.layout.data_at + first * overlay_block_size),
                           static_cast<off_t>((block - first) * overlay_block_size)) != 0) {
      return result_of(delta.file, last_error());
    }
  }
  return {};
}

Done check_size(const OverlayFile& delta, const File& base) {
  if (base.size() == delta.header.base_size) return {};
  return tl::unexpected(fmt::format("{}: over {} bytes, and {} has {}", delta.file.path(),
                                    delta.header.base_size, base.path(), base.size()));
}

/// Refuses a base that is not the delta's, and a delta whose commit was interrupted.
Done check_base(const OverlayFile& delta, const File& base) {
  const std::string why = delta.objection_to(base, delta.header.part);
  if (!why.empty()) return tl::unexpected(fmt::format("{}: {}", delta.file.path(), why));
  return {};
}

/// Marks the delta as being committed, once all its blocks are stable.
Done begin_commit(OverlayFile& delta, const File& base) {
  if (auto saved = delta.save_bits(); !saved) return saved;
  const auto content = delta.content_over(base);
  if (!content) return tl::unexpected(content.error());
  return delta.save_header(delta.header.committing(*content));
}

/// Empties a delta whose base has all its blocks.
Done end_commit(OverlayFile& delta, const File& base) {
  if (auto stable = result_of(base, base.sync()); !stable) return stable;
  std::ranges::fill(delta.live, std::uint8_t{0});
  if (auto saved = delta.save_bits(); !saved) return saved;
  auto header = OverlayHeader::over(base, delta.header.part);
  if (!header) return tl::unexpected(header.error());
  header->base_changed_at = base.changed_at_now();
  if (auto saved = delta.save_header(*header); !saved) return saved;
  return punch_rest(delta);
}

}  // namespace

Done adopt_base(OverlayFile& delta, const File& base) {
  // Some of its blocks may be in the other base only.
  if (delta.header.is_committing()) return check_base(delta, base);
  if (auto fits = check_size(delta, base); !fits) return fits;
  const auto header = OverlayHeader::over(base, delta.header.part);
  if (!header) return tl::unexpected(header.error());
  if (auto begun = delta.begin(); !begun) return begun;
  return delta.save_header(*header);
}

Changed rebase(OverlayFile& delta, const File& old_base, const File& new_base,
               const OverlayProgress& progress) {
  const auto copy_what_differs = [&]() -> Changed {
    std::uint64_t copied = 0;
    const Visit visit = [&](std::uint64_t block, Bytes before, Bytes after) -> Done {
      if (std::ranges::equal(before, after)) return {};
      ++copied;
      auto written = data_of(delta).write(block, before);
      if (written) delta.set(block, true);
      return written;
    };
    const auto gone_through = for_each_block(delta, false, served_part_of(old_base, delta),
                                             served_part_of(new_base, delta), progress, visit);
    if (!gone_through) return tl::unexpected(gone_through.error());
    return copied;
  };
  const auto header =
      check_base(delta, old_base)
          .and_then([&] { return check_size(delta, new_base); })
          .and_then([&] { return delta.begin(); })
          .and_then([&] { return OverlayHeader::over(new_base, delta.header.part); });
  if (!header) return tl::unexpected(header.error());
  auto copied = copy_what_differs();
  if (!copied) return copied;
  const auto saved = delta.save_bits().and_then([&] { return delta.save_header(*header); });
  if (!saved) return tl::unexpected(saved.error());
  return copied;
}

Changed commit(OverlayFile& delta, const File& base, const OverlayProgress& progress) {
  Done begun = delta.begin();
  const bool is_repeated = delta.header.is_committing();
  if (begun && is_repeated) {
    const auto found = delta.match(base);
    if (!found) return tl::unexpected(found.error());
    if (*found == BaseMatch::none) {
      return tl::unexpected(
          fmt::format("{}: its commit began with another {}", delta.file.path(), base.path()));
    }
  } else if (begun) {
    begun = check_base(delta, base).and_then([&] { return begin_commit(delta, base); });
  }
  if (!begun) return tl::unexpected(begun.error());
  std::uint64_t blocks = 0;
  const Image into = served_part_of(base, delta);
  const auto written = for_each_block(delta, true, data_of(delta), into, progress,
                                      [&](std::uint64_t block, Bytes own, Bytes before) -> Done {
                                        ++blocks;
                                        // What a former try has written need not have reached the
                                        // disk, although it can be read.
                                        if (!is_repeated && std::ranges::equal(own, before)) {
                                          return {};
                                        }
                                        return into.write(block, own);
                                      })
                           .and_then([&] { return end_commit(delta, base); });
  if (!written) return tl::unexpected(written.error());
  return blocks;
}

Changed compact(OverlayFile& delta, const File& base, const OverlayProgress& progress) {
  const auto begun = check_base(delta, base).and_then([&] { return delta.begin(); });
  if (!begun) return tl::unexpected(begun.error());
  std::uint64_t blocks = 0;
  const auto done =
      for_each_block(delta, true, data_of(delta), served_part_of(base, delta), progress,
                     [&](std::uint64_t block, Bytes own, Bytes below) -> Done {
                       if (!std::ranges::equal(own, below)) return {};
                       ++blocks;
                       delta.set(block, false);
                       return {};
                     })
          .and_then([&] { return delta.save_bits(); })
          .and_then([&] { return punch_rest(delta); });
  if (!done) return tl::unexpected(done.error());
  return blocks;
}

}  // namespace aoe::target
