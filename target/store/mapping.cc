#include "target/store/mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"

namespace aoe::target {
namespace {

const auto page_size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));

/// The same answers in a row after which the kernel is asked only once in a while: about one part in
/// 65, where all are in memory, one in 9, where none are.
constexpr unsigned answers_in_a_row = 64;
constexpr unsigned trusted_if_there = 64;
constexpr unsigned trusted_if_not = 8;

/// Returns whether the file system of a file has no room left.
bool is_full(int descriptor) {
  struct statvfs status;
  return ::fstatvfs(descriptor, &status) == 0 && status.f_bavail == 0;
}

/// The largest data of a frame, and what the first and the last page have besides.
const std::size_t unused_size = 256 * std::size_t{512} + 2 * page_size;

}  // namespace

tl::expected<Mapping, std::string> Mapping::open(const File& file, ByteRange range, bool writable,
                                                 Handover& handover) {
  room_for_unused(0);  // while a want of memory is no more than an image that can't be opened
  const std::uint64_t lead = range.offset % page_size;
  const std::uint64_t length = lead + range.length;
  if (length > std::numeric_limits<std::ptrdiff_t>::max()) {
    return tl::unexpected(file.path() + ": mapping it into memory: larger than a program of " +
                          std::to_string(8 * sizeof(void*)) + " bits can address");
  }
  const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  void* const memory = ::mmap(nullptr, static_cast<std::size_t>(length), protection, MAP_SHARED,
                              file.descriptor(), static_cast<off_t>(range.offset - lead));
  if (memory == MAP_FAILED) {
    return tl::unexpected(file.path() + ": mapping it into memory: " + last_error().message());
  }
  const MutableBytes pages(static_cast<std::uint8_t*>(memory), static_cast<std::size_t>(length));
  // The kernel would read megabytes around each fault, and before each read of the file. For a read
  // in order there is expect().
  ::madvise(memory, pages.size(), MADV_RANDOM);
  ::posix_fadvise(file.descriptor(), 0, 0, POSIX_FADV_RANDOM);
  return Mapping(pages, pages.subspan(lead), file, range.offset, handover);
}

Mapping::~Mapping() {
  if (!pages_.empty()) ::munmap(pages_.data(), pages_.size());
}

MutableBytes Mapping::room_for_unused(std::size_t size) {
  static std::vector<std::uint8_t> room(unused_size);
  AOE_CHECK(size <= room.size());
  return MutableBytes(room).first(size);
}

ByteRange Mapping::pages_of(std::uint64_t offset, std::size_t size) const {
  const auto lead = static_cast<std::uint64_t>(bytes_.data() - pages_.data());
  const std::uint64_t begin = (lead + offset) / page_size * page_size;
  const std::uint64_t end = (lead + offset + size + page_size - 1) / page_size * page_size;
  const std::uint64_t first = std::max(begin, lead) - lead;
  return {first, std::min(end - lead, this->size()) - first};
}

bool Mapping::ask_whether_at_hand(std::uint64_t offset, std::size_t size) {
  const bool is_there = is_in_memory(offset, size);
  if (std::exchange(at_hand_.answer, is_there) != is_there) at_hand_.in_a_row = 0;
  at_hand_.in_a_row = std::min(at_hand_.in_a_row + 1, answers_in_a_row);
  if (at_hand_.in_a_row == answers_in_a_row) {
    at_hand_.trusted = is_there ? trusted_if_there : trusted_if_not;
  }
  return is_there;
}

bool Mapping::is_in_memory(std::uint64_t offset, std::size_t size) const {
  const std::uint64_t begin = offset + static_cast<std::uint64_t>(bytes_.data() - pages_.data());
  const std::uint64_t first = begin / page_size;
  const std::uint64_t count = (begin + size + page_size - 1) / page_size - first;
  if (is_owner_) {
    std::array<unsigned char, 64> pages{};
    return count <= pages.size() &&
           ::mincore(pages_.data() + first * page_size, count * page_size, pages.data()) == 0 &&
           std::ranges::all_of(std::span(pages).first(count),
                               [](unsigned char page) { return (page & 1) != 0; });
  }
  // Of a file of others mincore() says that all is there. This call begins to read what is not.
  for (std::uint64_t page = first; page < first + count; ++page) {
    std::uint8_t byte = 0;
    const iovec piece{&byte, 1};
    const std::uint64_t at = std::max(page * page_size, begin) - begin + offset_ + offset;
    if (::preadv2(descriptor_, &piece, 1, static_cast<off_t>(at), RWF_NOWAIT) < 0) return false;
  }
  return true;
}

void Mapping::expect(std::uint64_t offset, std::uint64_t size) const {
  const std::uint64_t begin =
      (offset + static_cast<std::uint64_t>(bytes_.data() - pages_.data())) / page_size * page_size;
  if (begin >= pages_.size()) return;
  handover_.lend(disk_, [&] {
    ::madvise(pages_.data() + begin, std::min(size, pages_.size() - begin), MADV_WILLNEED);
  });
}

std::error_code Mapping::read(std::uint64_t offset, MutableBytes into) const {
  AOE_CHECK(offset <= bytes_.size() && into.size() <= bytes_.size() - offset);
  const Bytes part = view(offset, into.size());
  const bool is_done = part.size() == into.size() && guarded_copy(part, into, pages_);
  return is_done ? std::error_code{} : error_of(EIO);
}

std::error_code Mapping::read_by_call(std::uint64_t offset, MutableBytes into) const {
  int error = 0;
  handover_.lend(disk_, [&] {
    const ssize_t count =
        ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(offset_ + offset));
    if (!std::cmp_equal(count, into.size())) error = count < 0 ? errno : EIO;
  });
  return error_of(error);
}

std::error_code Mapping::write(std::uint64_t offset, Bytes from) const {
  AOE_CHECK(offset <= bytes_.size() && from.size() <= bytes_.size() - offset);
  int error = 0;
  handover_.lend(disk_, [&] {
    if (guarded_copy(from, bytes_.subspan(offset, from.size()), pages_)) return;
    error = is_full(descriptor_) ? ENOSPC : EIO;
  });
  return error_of(error);
}

std::error_code Mapping::add_bits(std::uint64_t offset, std::uint8_t bits) const {
  AOE_CHECK(offset < bytes_.size());
  int error = 0;
  handover_.lend(disk_, [&] {
    if (guarded_or(bytes_[offset], bits, pages_)) return;
    error = is_full(descriptor_) ? ENOSPC : EIO;
  });
  return error_of(error);
}

}  // namespace aoe::target
