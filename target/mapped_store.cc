#include "target/mapped_store.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "proto/check.h"
#include "proto/codes.h"
#include "target/guarded_copy.h"

namespace aoe::target {
namespace {

std::error_code last_error() {
  return {errno, std::generic_category()};
}

/// A descriptor until somebody else owns it.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

/// The size of a file or device, in bytes.
tl::expected<std::uint64_t, std::string> size_of(int descriptor) {
  struct stat status;
  if (::fstat(descriptor, &status) != 0) return tl::unexpected(last_error().message());
  if (S_ISREG(status.st_mode)) return static_cast<std::uint64_t>(status.st_size);
  if (!S_ISBLK(status.st_mode)) {
    return tl::unexpected(std::string("neither a regular file nor a block device"));
  }
  std::uint64_t size = 0;
  if (::ioctl(descriptor, BLKGETSIZE64, &size) != 0) return tl::unexpected(last_error().message());
  return size;
}

}  // namespace

tl::expected<std::unique_ptr<MappedStore>, std::string> MappedStore::open(const std::string& path,
                                                                          const Options& options) {
  const auto fail = [&](const std::string& why) { return tl::unexpected(path + ": " + why); };
  // Without O_NONBLOCK, opening a pipe by mistake would wait for its other end.
  const int access = options.read_only ? O_RDONLY : O_RDWR;
  Descriptor file(::open(path.c_str(), access | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return fail(last_error().message());
  const auto size = size_of(file.get());
  if (!size) return fail(size.error());
  if (*size < sector_size) return fail("smaller than one sector");
  if (::flock(file.get(), (options.read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
    return fail(errno == EWOULDBLOCK ? "in use by another process" : last_error().message());
  }
  const int protection = options.read_only ? PROT_READ : PROT_READ | PROT_WRITE;
  void* const memory = ::mmap(nullptr, *size, protection, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return fail("mapping it into memory: " + last_error().message());
  const MutableBytes mapping(static_cast<std::uint8_t*>(memory), *size);
  return std::unique_ptr<MappedStore>(new MappedStore(file.release(), mapping, *size, options));
}

MappedStore::MappedStore(int descriptor, MutableBytes mapping, std::uint64_t file_size,
                         const Options& options)
    : descriptor_(descriptor),
      mapping_(mapping),
      file_size_(file_size),
      size_(file_size / sector_size * sector_size),
      sync_(options.sync != nullptr ? options.sync : ::fdatasync) {}

MappedStore::~MappedStore() {
  ::munmap(mapping_.data(), mapping_.size());
  ::close(descriptor_);
}

void MappedStore::start(StoreOperation& operation) {
  switch (operation.kind) {
    case StoreOperation::Kind::read: return operation.done(read(operation.offset, operation.into));
    case StoreOperation::Kind::write:
      return operation.done(write(operation.offset, operation.from));
    case StoreOperation::Kind::flush: return operation.done(flush());
    case StoreOperation::Kind::trim: return operation.done({});
  }
  AOE_CHECK(false && "an operation of no kind");
}

std::error_code MappedStore::read(std::uint64_t offset, MutableBytes into) {
  AOE_CHECK(offset <= size_ && into.size() <= size_ - offset);
  if (guarded_copy(mapping_.subspan(offset, into.size()), into, mapping_)) return {};
  // A full tmpfs cannot map a hole, not even to read it, but pread() can. And where the disk or the
  // file is at fault, it says how.
  const ssize_t count = ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(offset));
  if (count < 0) return last_error();
  if (std::cmp_not_equal(count, into.size())) return std::make_error_code(std::errc::io_error);
  return {};
}

std::error_code MappedStore::write(std::uint64_t offset, Bytes from) {
  AOE_CHECK(offset <= size_ && from.size() <= size_ - offset);
  if (guarded_copy(from, mapping_.subspan(offset, from.size()), mapping_)) return {};
  return std::make_error_code(std::errc::io_error);
}

std::error_code MappedStore::flush() {
  if (flush_error_) return flush_error_;
  int result = 0;
  do {
    result = sync_(descriptor_);
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    flush_error_ = last_error();
  } else if (const auto size = size_of(descriptor_); !size || *size < file_size_) {
    // The end of the last page that a truncated file keeps can still be written to, in vain.
    flush_error_ = std::make_error_code(std::errc::io_error);
  }
  return flush_error_;
}

}  // namespace aoe::target
