#include "target/admin/system_call_filter.h"

#ifdef AOE_SECCOMP
#include <sched.h>
#include <seccomp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <ucontext.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <fmt/format.h>
#endif

namespace aoe::target {

#if defined(AOE_SECCOMP) && (defined(__x86_64__) || defined(__aarch64__))

namespace {

/// By groups: memory and threads; files; the state folder and drop-ins; sockets; waiting; disks; the process
/// itself. Names that this machine's kernel does not have are left out.
constexpr std::array allowed_calls{
    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "mincore", "msync", "mlock",
    "munlock", "futex", "futex_waitv", "get_robust_list", "set_robust_list", "set_tid_address",
    "rseq", "membarrier", "sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_setattr",
    "getpriority", "setpriority", "getcpu", "exit", "exit_group",
    //
    "open", "openat", "close", "close_range", "read", "readv", "pread64", "preadv", "preadv2",
    "write", "writev", "pwrite64", "pwritev", "pwritev2", "lseek", "stat", "fstat", "lstat",
    "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2", "readlink",
    "readlinkat", "getcwd", "getdents64", "fcntl", "flock", "ioctl", "dup", "dup2", "dup3", "pipe2",
    "fadvise64",
    //
    "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "chmod", "fchmod",
    "fchmodat", "umask",
    //
    "connect", "bind", "listen", "accept", "accept4", "sendto", "sendmsg", "sendmmsg", "recvfrom",
    "recvmsg", "recvmmsg", "setsockopt", "getsockopt", "getsockname", "getpeername", "shutdown",
    //
    "poll", "ppoll", "select", "pselect6", "epoll_create1", "epoll_ctl", "epoll_wait",
    "epoll_pwait", "epoll_pwait2", "eventfd2", "timerfd_create", "timerfd_settime",
    "timerfd_gettime", "signalfd4", "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep",
    "gettimeofday", "time", "restart_syscall",
    //
    "fsync", "fdatasync", "sync_file_range", "fallocate", "ftruncate", "cachestat",
    "io_uring_setup", "io_uring_enter", "io_uring_register", "io_setup", "io_submit",
    "io_getevents", "io_destroy", "io_cancel",
    //
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigaltstack", "tgkill",
    "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getrandom", "uname",
    "sysinfo", "prlimit64", "getrlimit", "getrusage", "prctl", "capget", "capset", "arch_prctl"};

constexpr std::array socket_kinds{AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET};

constexpr std::size_t numbers = 1024;  // more than there are; larger ones are counted as the last

// Of the process, as the filter is: a signal handler knows no object.
std::array<std::atomic<unsigned>, numbers> refused;
std::atomic<int> noticed_by{-1};

/// Runs where the call would have: counts it, and has it fail.
void refuse(int, siginfo_t* about, void* where) {
  const int error = errno;
  const auto number = static_cast<std::size_t>(about->si_syscall);
  ++refused[std::min(number, numbers - 1)];
  ::eventfd_write(noticed_by, 1);
  auto& registers = static_cast<ucontext_t*>(where)->uc_mcontext;
#ifdef __x86_64__
  registers.gregs[REG_RAX] = -EPERM;
#else
  registers.regs[0] = static_cast<unsigned long long>(-EPERM);
#endif
  errno = error;
}

/// Returns 0, or a negative error number.
int allow_all(scmp_filter_ctx filter) {
  int error = 0;
  const auto rule = [&](std::uint32_t action, const char* name,
                        std::vector<scmp_arg_cmp> when = {}) {
    const int number = seccomp_syscall_resolve_name(name);
    if (error != 0 || number == __NR_SCMP_ERROR) return;
    error = seccomp_rule_add_array(filter, action, number, static_cast<unsigned>(when.size()),
                                   when.data());
  };
  for (const char* const name : allowed_calls) rule(SCMP_ACT_ALLOW, name);
  for (const int kind : socket_kinds) {
    for (const char* const name : {"socket", "socketpair"}) {
      rule(SCMP_ACT_ALLOW, name, {SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(kind), 0)});
    }
  }
  // Threads, no processes. What clone3() is asked for can't be seen; without it the library takes clone().
  rule(SCMP_ACT_ALLOW, "clone", {SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)});
  rule(SCMP_ACT_ERRNO(ENOSYS), "clone3");
  return error;
}

}  // namespace

tl::expected<std::unique_ptr<SystemCallFilter>, std::string> SystemCallFilter::install() {
  const auto fail = [](int error) { return tl::unexpected(error_of(error).message()); };
  Descriptor noticed(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (noticed.get() < 0) return fail(errno);
  struct sigaction action {};
  action.sa_sigaction = refuse;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  if (::sigaction(SIGSYS, &action, nullptr) != 0) return fail(errno);
  noticed_by = noticed.get();
  const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
  if (filter == nullptr) return fail(ENOMEM);
  int error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
  if (error == 0) error = allow_all(filter);
  if (error == 0) error = seccomp_load(filter);
  seccomp_release(filter);
  if (error != 0) return fail(-error);
  return std::unique_ptr<SystemCallFilter>(new SystemCallFilter(std::move(noticed)));
}

SystemCallFilter::~SystemCallFilter() {
  noticed_by = -1;
}

std::vector<std::string> SystemCallFilter::take_refused() {
  eventfd_t count = 0;
  ::eventfd_read(noticed_.get(), &count);
  std::vector<std::string> names;
  for (std::size_t number = 0; number < numbers; ++number) {
    const unsigned times = refused[number].exchange(0);
    if (times == 0) continue;
    char* const known =
        seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, static_cast<int>(number));
    const std::string name = known != nullptr ? known : fmt::format("number {}", number);
    std::free(known);
    names.push_back(times == 1 ? name : fmt::format("{} ({} times)", name, times));
  }
  return names;
}

#else

tl::expected<std::unique_ptr<SystemCallFilter>, std::string> SystemCallFilter::install() {
  return tl::unexpected(std::string("this build has no libseccomp"));
}

SystemCallFilter::~SystemCallFilter() = default;

std::vector<std::string> SystemCallFilter::take_refused() {
  return {};
}

#endif

}  // namespace aoe::target
