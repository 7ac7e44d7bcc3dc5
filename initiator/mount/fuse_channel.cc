#include "initiator/mount/fuse_channel.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <utility>

#include <fmt/format.h>

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include "base/check.h"
#include "base/descriptor.h"

namespace aoe::initiator {
namespace {

using boost::asio::steady_timer;

/// Others have their turn after so many requests.
constexpr int requests_at_once = 16;
constexpr std::size_t unused_max = 16;
constexpr std::chrono::seconds patience{3};
constexpr std::chrono::milliseconds idle_interval{10};

/// What libfuse last complained of.
std::string& complaint() {
  static std::string text;
  return text;
}

__attribute__((format(printf, 2, 0))) void remember_complaint(fuse_log_level, const char* format,
                                                              va_list arguments) {
  std::array<char, 512> line{};
  std::vsnprintf(line.data(), line.size(), format, arguments);
  complaint() = line.data();
  while (complaint().ends_with('\n')) complaint().pop_back();
}

/// What is wrong with a folder to mount on; empty: nothing.
std::string look_at(const std::string& folder) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) {
    if (errno == ENOTCONN) {
      return "the mount of a program that has ended is in the way (fusermount3 -u removes it)";
    }
    return last_error().message();
  }
  if (!S_ISDIR(status.st_mode)) return error_of(ENOTDIR).message();
  struct statfs mounted {};
  if (::statfs(folder.c_str(), &mounted) == 0 && mounted.f_type == FUSE_SUPER_MAGIC &&
      ::access((folder + "/dev/etherd/err").c_str(), F_OK) == 0) {
    return "another aoe-initiator is mounted there";
  }
  const Descriptor fuse(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  return fuse.get() < 0 ? "/dev/fuse: " + last_error().message() : "";
}

/// Is the mount gone that was reached by this descriptor, or its connection cut?
bool is_disconnected(int descriptor) {
  pollfd polled{descriptor, 0, 0};
  return ::poll(&polled, 1, 0) == 1 && (polled.revents & POLLERR) != 0;
}

std::string absolute(const std::string& folder) {
  std::array<char, PATH_MAX> path{};
  return ::realpath(folder.c_str(), path.data()) == nullptr ? folder : path.data();
}

}  // namespace

tl::expected<std::unique_ptr<FuseChannel>, std::string> FuseChannel::mount(
    boost::asio::io_context& loop, const fuse_lowlevel_ops& operations, void* user,
    const std::string& folder, bool allow_other, std::function<void()> ended) {
  const std::string trouble = look_at(folder);
  if (!trouble.empty()) return tl::unexpected(fmt::format("{}: {}", folder, trouble));
  std::unique_ptr<FuseChannel> channel(new FuseChannel(loop, absolute(folder), std::move(ended)));
  if (auto started = channel->start(operations, user, allow_other); !started) {
    return tl::unexpected(fmt::format("{}: {}", folder, started.error()));
  }
  return channel;
}

FuseChannel::FuseChannel(boost::asio::io_context& loop, std::string folder,
                         std::function<void()> ended)
    : watcher_(loop), timer_(loop), folder_(std::move(folder)), ended_(std::move(ended)) {}

tl::expected<void, std::string> FuseChannel::start(const fuse_lowlevel_ops& operations, void* user,
                                                   bool allow_other) {
  fuse_set_log_func(remember_complaint);
  // Whose files they are is what the kernel goes by.
  std::string options = "fsname=aoe,subtype=aoe-initiator,default_permissions";
  if (allow_other) options += ",allow_other";
  std::array<char*, 3> words{const_cast<char*>("aoe-initiator"), const_cast<char*>("-o"),
                             options.data()};
  fuse_args arguments = FUSE_ARGS_INIT(static_cast<int>(words.size()), words.data());
  session_ = fuse_session_new(&arguments, &operations, sizeof operations, user);
  fuse_opt_free_args(&arguments);
  if (session_ == nullptr || fuse_session_mount(session_, folder_.c_str()) != 0) {
    return tl::unexpected(complaint().empty() ? "can't be mounted on" : complaint());
  }
  mounted_ = true;
  const int descriptor = fuse_session_fd(session_);
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  watcher_.watch(descriptor, [this] { receive(); });
  watching_ = true;
  return {};
}

FuseChannel::~FuseChannel() {
  close();
}

bool FuseChannel::close() {
  if (session_ == nullptr) return true;
  end();
  if (mounted_ && unmounter_ == 0) unmount();
  // Someone else may have been faster.
  if (is_disconnected(fuse_session_fd(session_))) mounted_ = false;
  if (mounted_) cut();
  fuse_session_unmount(session_);
  fuse_session_destroy(std::exchange(session_, nullptr));
  is_unmounting(0);
  return !mounted_ || unmounted_;
}

void FuseChannel::receive() {
  for (int i = 0; i < requests_at_once && !paused_; ++i) {
    if (request_ == nullptr && !unused_.empty()) {
      request_ = std::move(unused_.back());
      unused_.pop_back();
    }
    fuse_buf buffer{};
    buffer.mem = request_.release();
    const int size = fuse_session_receive_buf(session_, &buffer);
    request_.reset(buffer.mem);
    if (size == -EAGAIN || size == -EINTR) return;
    if (size <= 0) return lost();
    fuse_session_process_buf(session_, &buffer);
    if (fuse_session_exited(session_)) return end();
  }
}

void FuseChannel::pause(bool paused) {
  if (paused == std::exchange(paused_, paused) || !watching_) return;
  const int descriptor = fuse_session_fd(session_);
  if (paused) {
    watcher_.unwatch(descriptor);
  } else {
    watcher_.watch(descriptor, [this] { receive(); });
  }
}

FuseChannel::Memory FuseChannel::keep_request() {
  AOE_CHECK(request_ != nullptr);
  return std::move(request_);
}

void FuseChannel::give_back(Memory request) {
  if (unused_.size() < unused_max) unused_.push_back(std::move(request));
}

void FuseChannel::detach(std::function<bool()> is_idle) {
  if (unmounter_ != 0) return end();
  unmount();
  is_idle_ = std::move(is_idle);
  patience_ = steady_timer::clock_type::now() + patience;
  look_whether_idle();
}

void FuseChannel::look_whether_idle() {
  const bool unmounting = is_unmounting(WNOHANG);
  const bool late = steady_timer::clock_type::now() >= patience_;
  if (late || (!unmounting && is_idle_())) return end();
  timer_.expires_after(idle_interval);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error && watching_) look_whether_idle();
  });
}

void FuseChannel::lost() {
  // Someone unmounted it; or cut the connection, and then the mount is still there.
  if (unmounter_ == 0) mounted_ = ::access(folder_.c_str(), F_OK) != 0 && errno == ENOTCONN;
  end();
}

void FuseChannel::end() {
  if (!std::exchange(watching_, false)) return;
  if (!paused_) watcher_.unwatch(fuse_session_fd(session_));
  timer_.cancel();
  fuse_session_exit(session_);
  if (ended_) std::exchange(ended_, nullptr)();
}

/// From here on nobody waits for an answer of ours, the unmounter included. libfuse would unmount
/// the folder (again) if its descriptor did not look as one does whose connection is gone.
void FuseChannel::cut() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
  ::close(ends[0]);
  ::dup2(ends[1], fuse_session_fd(session_));
  ::close(ends[1]);
}

/// In a process of its own: to unmount may take answers of ours.
void FuseChannel::unmount() {
  const char* const folder = folder_.c_str();
  unmounter_ = ::fork();
  if (unmounter_ != 0) return;
  ::close(fuse_session_fd(session_));  // while it is open, the connection lives
  if (::umount2(folder, MNT_DETACH | UMOUNT_NOFOLLOW) == 0) ::_exit(0);
  ::execlp("fusermount3", "fusermount3", "-u", "-z", "-q", "--", folder, nullptr);
  ::_exit(1);
}

bool FuseChannel::is_unmounting(int wait_options) {
  if (unmounter_ <= 0) return false;
  int status = 0;
  const pid_t ended = ::waitpid(unmounter_, &status, wait_options);
  if (ended == 0) return true;
  unmounted_ = ended > 0 && status == 0;
  unmounter_ = -1;
  return false;
}

}  // namespace aoe::initiator
