#include "initiator/transfer.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <deque>
#include <system_error>
#include <vector>

#include <fmt/format.h>

namespace aoe::initiator {
namespace {

constexpr std::size_t chunk_size = 1 << 20;
constexpr std::size_t chunks_outstanding = 4;

std::string system_message(std::string_view what) {
  return fmt::format("{}: {}", what, std::generic_category().message(errno));
}

bool would_block(int descriptor, short events) {
  pollfd poll{descriptor, events, 0};
  return ::poll(&poll, 1, 0) == 0;
}

struct Chunk {
  std::uint64_t lba = 0;
  std::vector<std::uint8_t> data;
  bool done = false;
  Completion result;
};

/// The chunks on their way, oldest first. Their buffers stay in place until they are done.
class Pipeline {
 public:
  Pipeline(OldClient& client, Address address, IoKind kind)
      : client_(client), address_(address), kind_(kind) {}
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;
  ~Pipeline() {
    client_.wait([this] { return std::ranges::all_of(chunks_, &Chunk::done); });
  }

  bool empty() const { return chunks_.empty(); }
  bool full() const { return chunks_.size() == chunks_outstanding; }

  void start(std::uint64_t lba, std::vector<std::uint8_t> data) {
    Chunk& chunk = chunks_.emplace_back();
    chunk.lba = lba;
    chunk.data = std::move(data);
    IoRequest request{.kind = kind_, .device = address_, .lba = lba};
    if (kind_ == IoKind::read) {
      request.into = chunk.data;
    } else {
      request.from = chunk.data;
    }
    client_.submit(request, [&chunk](const Completion& result) {
      chunk.result = result;
      chunk.done = true;
    });
  }

  /// Waits for the oldest chunk.
  tl::expected<std::vector<std::uint8_t>, std::string> take() {
    Chunk& oldest = chunks_.front();
    client_.wait([&oldest] { return oldest.done; });
    if (oldest.result.error != IoError::none) {
      return tl::unexpected(fmt::format("{}: {} at sector {}: {}", address_,
                                        kind_ == IoKind::read ? "reading" : "writing", oldest.lba,
                                        describe(oldest.result)));
    }
    std::vector<std::uint8_t> data = std::move(oldest.data);
    chunks_.pop_front();
    return data;
  }

  void wait_all() {
    client_.wait([this] { return std::ranges::all_of(chunks_, &Chunk::done); });
  }

 private:
  OldClient& client_;
  const Address address_;
  const IoKind kind_;
  std::deque<Chunk> chunks_;
};

/// How much poll() promises to take without delay when it says that there is room.
std::size_t write_size_max(int descriptor) {
  struct stat status {};
  const bool takes_all =
      ::fstat(descriptor, &status) == 0 && (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode));
  return takes_all ? chunk_size : PIPE_BUF;
}

tl::expected<void, std::string> write_out(int descriptor, Bytes bytes, Pipeline& pipeline) {
  const std::size_t size_max = write_size_max(descriptor);
  while (!bytes.empty()) {
    if (would_block(descriptor, POLLOUT)) pipeline.wait_all();
    const ssize_t written = ::write(descriptor, bytes.data(), std::min(bytes.size(), size_max));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return tl::unexpected(system_message("writing to standard output"));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

/// Fills `bytes` as far as the input goes.
tl::expected<std::size_t, std::string> read_in(int descriptor, MutableBytes bytes,
                                               Pipeline& pipeline) {
  std::size_t size = 0;
  while (size < bytes.size()) {
    if (would_block(descriptor, POLLIN)) pipeline.wait_all();
    const ssize_t got = ::read(descriptor, bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::unexpected(system_message("reading standard input"));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  return size;
}

/// The bytes that are known to come: of a regular file, from where it is read next.
std::optional<std::uint64_t> known_size(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const off_t at = ::lseek(descriptor, 0, SEEK_CUR);
  if (at < 0) return std::nullopt;
  return status.st_size > at ? static_cast<std::uint64_t>(status.st_size - at) : 0;
}

/// The bytes between the extent's offset and its end, or the disk's where it has none.
tl::expected<std::uint64_t, std::string> room(const Device& device, const Extent& extent) {
  const std::uint64_t size = device.identity()->sectors * sector_size;
  if (extent.offset > size || extent.length.value_or(0) > size - extent.offset) {
    const std::string part = extent.length ? fmt::format(" + length {}", *extent.length) : "";
    return tl::unexpected(fmt::format("{}: offset {}{} lies beyond its end at {} bytes",
                                      device.address(), extent.offset, part, size));
  }
  return extent.length.value_or(size - extent.offset);
}

tl::expected<void, std::string> flush(OldClient& client, Address address) {
  std::optional<Completion> result;
  client.submit({.kind = IoKind::flush, .device = address},
                [&result](const Completion& completion) { result = completion; });
  client.wait([&result] { return result.has_value(); });
  if (result->error == IoError::none) return {};
  return tl::unexpected(fmt::format("{}: flushing: {}", address, describe(*result)));
}

/// One sector, at once.
tl::expected<void, std::string> read_sector(OldClient& client, Address address, std::uint64_t lba,
                                            MutableBytes into) {
  Pipeline pipeline(client, address, IoKind::read);
  pipeline.start(lba, std::vector<std::uint8_t>(sector_size));
  const auto data = pipeline.take();
  if (!data) return tl::unexpected(data.error());
  std::ranges::copy(*data, into.begin());
  return {};
}

std::uint64_t sectors_over(std::uint64_t bytes) {
  return (bytes + sector_size - 1) / sector_size;
}

}  // namespace

Transferred read_disk(OldClient& client, const Device& device, const Extent& extent,
                      int descriptor) {
  const auto length = room(device, extent);
  if (!length) return tl::unexpected(length.error());
  const std::uint64_t end = extent.offset + *length;
  std::uint64_t next = extent.offset / sector_size;  // sector to ask for
  const std::uint64_t last = *length == 0 ? next : sectors_over(end);
  std::uint64_t position = extent.offset;  // byte to write out

  Pipeline pipeline(client, device.address(), IoKind::read);
  std::vector<std::uint8_t> buffer;
  while (position < end) {
    while (!pipeline.full() && next < last) {
      const std::uint64_t sectors = std::min<std::uint64_t>(last - next, chunk_size / sector_size);
      buffer.resize(sectors * sector_size);
      pipeline.start(next, std::move(buffer));
      buffer = {};
      next += sectors;
    }
    const std::uint64_t skip = position % sector_size;  // of the first chunk alone
    auto data = pipeline.take();
    if (!data) return tl::unexpected(data.error());
    const Bytes wanted = Bytes(*data).subspan(skip);
    const Bytes bytes = wanted.first(std::min<std::uint64_t>(wanted.size(), end - position));
    if (auto written = write_out(descriptor, bytes, pipeline); !written) {
      return tl::unexpected(written.error());
    }
    position += bytes.size();
    buffer = *std::move(data);
  }
  return *length;
}

Transferred write_disk(OldClient& client, const Device& device, const Extent& extent,
                       int descriptor) {
  const Address address = device.address();
  const auto available = room(device, extent);
  if (!available) return tl::unexpected(available.error());
  const auto too_long = [&] {
    return tl::unexpected(
        fmt::format("{}: the input is longer than the {} bytes from {} to its end", address,
                    *available, extent.offset));
  };
  if (!extent.length && known_size(descriptor).value_or(0) > *available) return too_long();

  const std::uint64_t end = extent.offset + *available;
  std::uint64_t position = extent.offset;
  std::vector<std::uint8_t> buffer;
  {
    Pipeline pipeline(client, address, IoKind::write);
    for (bool more = true; more && position < end;) {
      const std::uint64_t lba = position / sector_size;
      const std::uint64_t skip = position % sector_size;
      const std::size_t size = std::min<std::uint64_t>(chunk_size - skip, end - position);
      buffer.resize(sectors_over(skip + size) * sector_size);
      const auto got = read_in(descriptor, MutableBytes(buffer).subspan(skip, size), pipeline);
      if (!got) return tl::unexpected(got.error());
      more = *got == size;
      if (*got == 0) break;

      // Sectors that are only written in part keep the rest of what they hold.
      const std::uint64_t used = skip + *got;
      buffer.resize(sectors_over(used) * sector_size);
      std::array<std::uint8_t, sector_size> old;
      if (skip > 0) {
        if (auto read = read_sector(client, address, lba, old); !read) {
          return tl::unexpected(read.error());
        }
        std::copy_n(old.begin(), skip, buffer.begin());
      }
      if (const std::size_t tail = used % sector_size; tail > 0) {
        if (auto read = read_sector(client, address, lba + used / sector_size, old); !read) {
          return tl::unexpected(read.error());
        }
        std::copy(old.begin() + static_cast<std::ptrdiff_t>(tail), old.end(),
                  buffer.end() - static_cast<std::ptrdiff_t>(sector_size - tail));
      }
      if (pipeline.full()) {
        auto written = pipeline.take();
        if (!written) return tl::unexpected(written.error());
        pipeline.start(lba, std::move(buffer));
        buffer = *std::move(written);
      } else {
        pipeline.start(lba, std::move(buffer));
        buffer = {};
      }
      position += *got;
    }
    while (!pipeline.empty()) {
      if (auto written = pipeline.take(); !written) return tl::unexpected(written.error());
    }
  }
  if (auto flushed = flush(client, address); !flushed) return tl::unexpected(flushed.error());

  const std::uint64_t moved = position - extent.offset;
  if (extent.length && moved < *extent.length) {
    return tl::unexpected(fmt::format("the input ended after {} of {} bytes; they are written",
                                      moved, *extent.length));
  }
  std::uint8_t one_more;
  Pipeline idle(client, address, IoKind::write);
  if (!extent.length && position == end) {
    if (const auto got = read_in(descriptor, {&one_more, 1}, idle); got && *got == 1)
      return too_long();
  }
  return moved;
}

}  // namespace aoe::initiator
