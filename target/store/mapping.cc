#include "target/store/mapping.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "target/store/guarded_copy.h"

namespace aoe::target {

tl::expected<Mapping, std::string> Mapping::open(const File& file, ByteRange range, bool writable) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t lead = range.offset % page;
  const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  void* const memory = ::mmap(nullptr, lead + range.length, protection, MAP_SHARED,
                              file.descriptor(), static_cast<off_t>(range.offset - lead));
  if (memory == MAP_FAILED) {
    return tl::unexpected(file.path() + ": mapping it into memory: " + last_error().message());
  }
  const MutableBytes pages(static_cast<std::uint8_t*>(memory), lead + range.length);
  // The kernel would read megabytes around each fault. For a read in order there is expect().
  ::madvise(memory, pages.size(), MADV_RANDOM);
  return Mapping(pages, pages.subspan(lead), file.descriptor(), range.offset);
}

Mapping::~Mapping() {
  if (!pages_.empty()) ::munmap(pages_.data(), pages_.size());
}

void Mapping::expect(std::uint64_t offset, std::uint64_t size) const {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t begin =
      (offset + static_cast<std::uint64_t>(bytes_.data() - pages_.data())) / page * page;
  if (begin >= pages_.size()) return;
  ::madvise(pages_.data() + begin, std::min(size, pages_.size() - begin), MADV_WILLNEED);
}

std::error_code Mapping::read(std::uint64_t offset, MutableBytes into) const {
  AOE_CHECK(offset <= bytes_.size() && into.size() <= bytes_.size() - offset);
  if (guarded_copy(bytes_.subspan(offset, into.size()), into, pages_)) return {};
  // A full tmpfs cannot map a hole, not even to read it, but pread() can read it. And pread()
  // returns the error of the disk or the file.
  const ssize_t count =
      ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(offset_ + offset));
  if (count < 0) return last_error();
  return std::cmp_equal(count, into.size()) ? std::error_code{} : error_of(EIO);
}

std::error_code Mapping::write(std::uint64_t offset, Bytes from) const {
  AOE_CHECK(offset <= bytes_.size() && from.size() <= bytes_.size() - offset);
  if (guarded_copy(from, bytes_.subspan(offset, from.size()), pages_)) return {};
  // A full disk has no room for a hole: pwrite() returns this, or what else is wrong. It would make
  // a file longer that was truncated.
  struct stat status;
  if (::fstat(descriptor_, &status) != 0) return last_error();
  std::uint64_t at = offset_ + offset;
  if (S_ISREG(status.st_mode) && std::cmp_less(status.st_size, at + from.size())) {
    return error_of(EIO);
  }
  while (!from.empty()) {
    const ssize_t count = ::pwrite(descriptor_, from.data(), from.size(), static_cast<off_t>(at));
    if (count <= 0) return count < 0 ? last_error() : error_of(EIO);
    from = from.subspan(static_cast<std::size_t>(count));
    at += static_cast<std::uint64_t>(count);
  }
  return {};
}

}  // namespace aoe::target
