#include "harness/world/faulty_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include "proto/codes.h"

namespace aoe::harness {
namespace {

constexpr double for_ever = 1e9;  // seconds that the kernel may keep an answer

}  // namespace

/// What the kernel asks, answered at once.
struct FaultyFile::Operations {
  static FaultyFile& file(fuse_req_t request) {
    return *static_cast<FaultyFile*>(fuse_req_userdata(request));
  }

  static void getattr(fuse_req_t request, fuse_ino_t, fuse_file_info*) {
    struct stat status {};
    ::fstat(file(request).backing_, &status);
    struct stat seen {};
    seen.st_ino = FUSE_ROOT_ID;
    seen.st_mode = S_IFREG | 0600;
    seen.st_nlink = 1;
    seen.st_uid = ::geteuid();
    seen.st_gid = ::getegid();
    seen.st_size = status.st_size;
    seen.st_blocks = status.st_blocks;
    fuse_reply_attr(request, &seen, for_ever);
  }
  /// Times and modes are of no interest, and its size is a disk's.
  static void setattr(fuse_req_t request, fuse_ino_t inode, struct stat*, int what,
                      fuse_file_info* info) {
    if ((what & FUSE_SET_ATTR_SIZE) != 0) {
      fuse_reply_err(request, EPERM);
    } else {
      getattr(request, inode, info);
    }
  }
  static void open(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
    info->keep_cache = 1;
    fuse_reply_open(request, info);
  }
  static void read(fuse_req_t request, fuse_ino_t, std::size_t size, off_t offset,
                   fuse_file_info*) {
    if (const int error =
            file(request).strike(&DiskFaults::reads, static_cast<std::uint64_t>(offset), size)) {
      fuse_reply_err(request, error);
      return;
    }
    std::vector<char> bytes(size);
    const ssize_t got = ::pread(file(request).backing_, bytes.data(), size, offset);
    if (got < 0) {
      fuse_reply_err(request, errno);
    } else {
      fuse_reply_buf(request, bytes.data(), static_cast<std::size_t>(got));
    }
  }
  static void write(fuse_req_t request, fuse_ino_t, const char* bytes, std::size_t size,
                    off_t offset, fuse_file_info*) {
    if (const int error =
            file(request).strike(&DiskFaults::writes, static_cast<std::uint64_t>(offset), size)) {
      fuse_reply_err(request, error);
      return;
    }
    const ssize_t written = ::pwrite(file(request).backing_, bytes, size, offset);
    if (written < 0) {
      fuse_reply_err(request, errno);
    } else {
      fuse_reply_write(request, static_cast<std::size_t>(written));
    }
  }
  static void fsync(fuse_req_t request, fuse_ino_t, int, fuse_file_info*) {
    fuse_reply_err(request, file(request).strike(&DiskFaults::flushes, 0, 0));
  }
  static void fallocate(fuse_req_t request, fuse_ino_t, int mode, off_t offset, off_t length,
                        fuse_file_info*) {
    const int failed = ::fallocate(file(request).backing_, mode, offset, length);
    fuse_reply_err(request, failed == 0 ? 0 : errno);
  }
};

tl::expected<void, std::string> enter_mount_namespace() {
  if (::unshare(CLONE_NEWNS) == 0 &&
      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) {
    return {};
  }
  return tl::unexpected("making a mount namespace: " + last_error().message());
}

tl::expected<std::unique_ptr<FaultyFile>, std::string> FaultyFile::mount(int backing,
                                                                         const std::string& path) {
  std::unique_ptr<FaultyFile> file(new FaultyFile(backing));
  if (auto started = file->start(path); !started) return tl::unexpected(started.error());
  return file;
}

tl::expected<void, std::string> FaultyFile::start(const std::string& path) {
  constexpr const char* device = "/dev/fuse";
  if (const Descriptor fuse(::open(device, O_RDWR | O_CLOEXEC)); fuse.get() < 0) {
    return tl::unexpected(fmt::format("{}: {}", device, last_error().message()));
  }
  fuse_lowlevel_ops operations{};
  operations.getattr = Operations::getattr;
  operations.setattr = Operations::setattr;
  operations.open = Operations::open;
  operations.read = Operations::read;
  operations.write = Operations::write;
  operations.fsync = Operations::fsync;
  operations.fallocate = Operations::fallocate;
  std::string options = "fsname=disk,subtype=aoe-harness";
  std::array<char*, 3> words{const_cast<char*>("aoe-harness"), const_cast<char*>("-o"),
                             options.data()};
  fuse_args arguments = FUSE_ARGS_INIT(static_cast<int>(words.size()), words.data());
  session_ = fuse_session_new(&arguments, &operations, sizeof operations, this);
  fuse_opt_free_args(&arguments);
  if (session_ == nullptr || fuse_session_mount(session_, path.c_str()) != 0) {
    return tl::unexpected(fmt::format("{}: a FUSE file can't be mounted there", path));
  }
  stop_ = Descriptor(::eventfd(0, EFD_CLOEXEC));
  thread_ = std::thread([this] { serve(); });
  return {};
}

FaultyFile::~FaultyFile() {
  if (thread_.joinable()) {
    const std::uint64_t once = 1;
    (void)!::write(stop_.get(), &once, sizeof once);
    thread_.join();
  }
  if (session_ == nullptr) return;
  fuse_session_unmount(session_);
  fuse_session_destroy(session_);
}

void FaultyFile::serve() {
  fuse_buf buffer{};
  std::array<pollfd, 2> polled{{{fuse_session_fd(session_), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  while (fuse_session_exited(session_) == 0) {
    if (::poll(polled.data(), polled.size(), -1) < 0) continue;
    if (polled[1].revents != 0) break;
    const int size = fuse_session_receive_buf(session_, &buffer);
    if (size > 0) fuse_session_process_buf(session_, &buffer);
    if (size == 0 || size == -ENODEV) break;
  }
  std::free(buffer.mem);
}

int FaultyFile::strike(bool DiskFaults::*kind, std::uint64_t offset, std::uint64_t size) {
  Duration delay{};
  int error = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!faults_ || !((*faults_).*kind)) return 0;
    if (kind != &DiskFaults::flushes && !faults_->strikes(offset, size)) return 0;
    delay = faults_->delay;
    error = delay > Duration{} ? 0 : faults_->error;
    if (--faults_->count == 0) faults_.reset();
  }
  std::this_thread::sleep_for(delay);  // as long as the disk takes: this thread is the disk
  return error;
}

void FaultyFile::set_faults(const std::optional<DiskFaults>& faults) {
  const auto arm = [this](const std::optional<DiskFaults>& armed) {
    const std::lock_guard lock(mutex_);
    faults_ = armed;
  };
  if (faults) {
    // What was written before was written to a disk that was whole; what is read meanwhile does not
    // stay.
    DiskFaults of_reads = *faults;
    of_reads.writes = of_reads.flushes = false;
    arm(of_reads);
    // Drops the pages that the kernel keeps; writes back what is dirty first.
    fuse_lowlevel_notify_inval_inode(session_, FUSE_ROOT_ID, 0, 0);
  }
  arm(faults);
}

}  // namespace aoe::harness
