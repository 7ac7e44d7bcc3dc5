#include "target/store/file.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/privileges.h"
#include "proto/codes.h"
#include "target/store/store.h"

namespace aoe::target {
namespace {

/// The largest block size of a file system that IDENTIFY reports.
constexpr std::uint32_t block_size_max = 4096;

constexpr const char* not_an_image = "neither a regular file nor a block device";

tl::expected<std::uint64_t, std::string> size_of(int descriptor, const struct stat& status) {
  if (S_ISREG(status.st_mode)) return static_cast<std::uint64_t>(status.st_size);
  if (!S_ISBLK(status.st_mode)) {
    return tl::unexpected(std::string(not_an_image));
  }
  std::uint64_t size = 0;
  if (::ioctl(descriptor, BLKGETSIZE64, &size) != 0) return tl::unexpected(last_error().message());
  return size;
}

std::uint32_t block_size_of(int descriptor, const struct stat& status) {
  std::uint32_t size = static_cast<std::uint32_t>(status.st_blksize);
  if (S_ISBLK(status.st_mode)) {
    if (::ioctl(descriptor, BLKPBSZGET, &size) != 0) size = sector_size;
  } else {
    size = std::min(size, block_size_max);
  }
  return size > sector_size && std::has_single_bit(size) ? size : sector_size;
}

/// The kernel makes holes in a device that can write zeros by itself, in whole logical blocks.
bool can_punch_device(int descriptor, dev_t device) {
  int logical = 0;
  if (::ioctl(descriptor, BLKSSZGET, &logical) != 0 || std::cmp_not_equal(logical, sector_size)) {
    return false;
  }
  const std::string folder =
      fmt::format("/sys/dev/block/{}:{}/", gnu_dev_major(device), gnu_dev_minor(device));
  for (const char* queue : {"queue/", "../queue/"}) {  // of a disk, of a partition
    std::uint64_t most = 0;
    if (std::ifstream(folder + queue + "write_zeroes_max_bytes") >> most) return most > 0;
  }
  return false;
}

/// Tries it on a nameless file in the same folder: even a hole behind a file's end changes the
/// file's time.
bool can_punch_beside(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const Descriptor trial(
      ::open(folder.empty() ? "." : folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  return trial.get() >= 0 && ::fallocate(trial.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                                         block_size_max) == 0;
}

/// Returns the text of errno after an open() has failed, with what may be behind it.
std::string open_error_text() {
  const std::error_code error = last_error();
  if (error == std::errc::is_a_directory) return not_an_image;
  const bool is_in_unit = std::getenv("INVOCATION_ID") != nullptr;
  if (error != std::errc::read_only_file_system || !is_in_unit) {
    return text_with_descriptor_limit(error);
  }
  return error.message() +
         " (a unit of systemd writes only where its ReadWritePaths= has it: systemctl edit "
         "aoe-target)";
}

/// Returns whether a file server or a program stands behind the file system of a file.
bool is_on_server(int descriptor) {
  constexpr std::array<std::uint32_t, 9> remote{
      AFS_SUPER_MAGIC, CEPH_SUPER_MAGIC, CIFS_SUPER_MAGIC, CODA_SUPER_MAGIC, FUSE_SUPER_MAGIC,
      NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,  SMB2_SUPER_MAGIC, V9FS_MAGIC};
  struct statfs status;
  return ::fstatfs(descriptor, &status) != 0 ||
         std::ranges::find(remote, static_cast<std::uint32_t>(status.f_type)) != remote.end();
}

/// Claims a block device for this process, as mounting it does. Returns null with errno set where
/// something else has claimed it, or a part of it, for `patience`: the claim of a process that was
/// killed lasts until its transfers are done.
std::shared_ptr<const Descriptor> claim(int descriptor, dev_t device,
                                        std::chrono::milliseconds patience) {
  static std::mutex mutex;
  static std::map<dev_t, std::weak_ptr<const Descriptor>> claims;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const std::lock_guard guard(mutex);
  if (auto held = claims[device].lock()) return held;
  const std::string path = fmt::format("/proc/self/fd/{}", descriptor);
  while (true) {
    Descriptor opened(::open(path.c_str(), O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC));
    if (opened.get() >= 0) {
      auto claimed = std::make_shared<const Descriptor>(std::move(opened));
      claims[device] = claimed;
      return claimed;
    }
    if (errno != EBUSY || std::chrono::steady_clock::now() >= deadline) return nullptr;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

/// Returns when a regular file was last changed, nanoseconds since 1970; 0 for a device.
std::uint64_t change_time(const struct stat& status) {
  if (!S_ISREG(status.st_mode)) return 0;
  constexpr std::uint64_t second = 1'000'000'000;
  return static_cast<std::uint64_t>(status.st_mtim.tv_sec) * second +
         static_cast<std::uint64_t>(status.st_mtim.tv_nsec);
}

/// Moves all bytes, by ::pread or ::pwrite.
template <class Call, class Span>
std::error_code transfer(Call call, int descriptor, std::uint64_t offset, Span bytes) {
  while (!bytes.empty()) {
    const ssize_t count = call(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return last_error();
    if (count == 0) return error_of(EIO);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

struct DirectAlignment {
  std::uint32_t memory;
  std::uint32_t offset;
};

/// Returns the alignment that direct I/O on an open file needs; nothing where it is not possible.
std::optional<DirectAlignment> direct_alignment(int descriptor) {
#ifdef STATX_DIOALIGN
  struct statx known = {};
  if (::statx(descriptor, "", AT_EMPTY_PATH, STATX_DIOALIGN, &known) == 0 &&
      (known.stx_mask & STATX_DIOALIGN) != 0) {
    if (known.stx_dio_offset_align == 0) return std::nullopt;
    return DirectAlignment{known.stx_dio_mem_align, known.stx_dio_offset_align};
  }
#endif
  // The kernel or its headers can't say (before Linux 6.1), so this tries it.
  alignas(block_size_max) std::array<std::uint8_t, block_size_max> block;
  for (std::uint32_t size = sector_size; size <= block_size_max; size *= 2) {
    if (::pread(descriptor, block.data(), size, 0) >= 0) return DirectAlignment{size, size};
    if (errno != EINVAL) break;
  }
  return std::nullopt;
}

}  // namespace

tl::expected<File, std::string> File::open(const std::string& path, const Options& options) {
  const auto fail = [&](const std::string& why) { return tl::unexpected(path + ": " + why); };
  const bool would_write = options.use != FileUse::read;
  const bool writes = would_write && !options.is_look;
  // Without O_NONBLOCK, opening a pipe by mistake would wait for its other end.
  int flags = (writes ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK;
  if (options.create) flags |= O_CREAT;
  if (options.sync) flags |= O_DSYNC;
  Descriptor descriptor(::open(path.c_str(), flags, 0666));
  if (descriptor.get() < 0) return fail(open_error_text());
  // From here on O_NONBLOCK could only make a transfer fail. A file system without direct I/O
  // refuses it here.
  const int later = (flags & ~O_NONBLOCK) | (options.direct ? O_DIRECT : 0);
  if (::fcntl(descriptor.get(), F_SETFL, later) != 0) {
    return fail(options.direct && errno == EINVAL ? "no direct I/O here; use io: buffered"
                                                  : last_error().message());
  }
  std::optional<FileLock> lock;
  if (!options.is_look) {
    auto taken = FileLock::take(descriptor.get(), options.use, options.patience);
    if (!taken) return fail(taken.error());
    lock.emplace(*std::move(taken));
  }
  File file(path, std::move(descriptor), std::move(lock));
  struct stat status;
  if (::fstat(file.descriptor(), &status) != 0) return fail(last_error().message());
  const auto size = size_of(file.descriptor(), status);
  if (!size) return fail(size.error());
  if (*size < sector_size && !options.create) return fail("smaller than one sector");
  if (would_write && !writes && ::access(path.c_str(), W_OK) != 0) return fail(open_error_text());
  file.size_ = *size;
  file.is_device_ = S_ISBLK(status.st_mode);
  file.is_writable_ = writes;
  file.is_own_ = status.st_uid == ::geteuid();
  file.is_remote_ = is_on_server(file.descriptor());
  file.disk_ = file.is_device_ ? status.st_rdev : status.st_dev;
  if (writes && file.is_device_ && !options.force) {
    file.claim_ = claim(file.descriptor(), status.st_rdev, options.patience);
    if (file.claim_ == nullptr) {
      return fail(errno == EBUSY ? "mounted, or held by something else; --force serves it all the "
                                   "same"
                                 : last_error().message());
    }
  }
  file.block_size_ = block_size_of(file.descriptor(), status);
  if (writes) {
    file.can_punch_ = file.is_device_ ? can_punch_device(file.descriptor(), status.st_rdev)
                                      : can_punch_beside(path);
  }
  file.changed_at_ = change_time(status);
  if (options.direct) {
    const auto needed = direct_alignment(file.descriptor());
    if (!needed) return fail("no direct I/O here; use io: buffered");
    if (needed->offset > sector_size || needed->memory > Operation::alignment) {
      return fail(fmt::format("direct I/O needs blocks of {} bytes here; use io: buffered",
                              std::max(needed->offset, needed->memory)));
    }
    file.memory_alignment_ = std::max<std::uint32_t>(needed->memory, sector_size);
  }
  return file;
}

std::uint32_t File::physical_sector_size(ByteRange range) const {
  return (range.offset | range.length) % block_size_ == 0 ? block_size_ : sector_size;
}

void File::aim(Operation& operation) const {
  operation.descriptor = descriptor();
  operation.granule = memory_alignment_;
  operation.needs_thread = is_remote_;
  operation.disk = disk_;
}

std::uint64_t File::changed_at_now() const {
  struct stat status;
  return ::fstat(descriptor(), &status) == 0 ? change_time(status) : changed_at_;
}

bool File::has_changed() const {
  return changed_at_now() != changed_at_;
}

std::error_code File::read(std::uint64_t offset, MutableBytes into) const {
  return transfer(::pread, descriptor(), offset, into);
}

std::error_code File::write(std::uint64_t offset, Bytes from) const {
  return transfer(::pwrite, descriptor(), offset, from);
}

std::error_code File::sync() const {
  return ::fsync(descriptor()) == 0 ? std::error_code{} : last_error();
}

bool File::reaches(std::uint64_t end) const {
  struct stat status;
  if (::fstat(descriptor(), &status) != 0) return false;
  const auto size = size_of(descriptor(), status);
  return size && *size >= end;
}

}  // namespace aoe::target
