#include "harness/world/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <fstream>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"

namespace aoe::harness {
namespace {

/// How far the clocks of programs are ahead, as the kernel takes it; empty: they are this process's.
std::string clock_offsets;

/// "monotonic 86400 0": from what a clock shows now to what it is to show.
std::string offset_of(const char* name, clockid_t clock, Duration reading) {
  timespec now{};
  ::clock_gettime(clock, &now);
  const auto shown = std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  const auto offset = std::chrono::nanoseconds(reading) - shown;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(offset);
  return fmt::format("{} {} {}\n", name, seconds.count(), (offset - seconds).count());
}

/// Moves this process, which has one thread, into a time namespace with these offsets. Only what is
/// safe after a fork. False: errno says why not.
bool enter_clock(const std::string& offsets) {
  if (::unshare(CLONE_NEWTIME) != 0) return false;
  const int file = ::open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
  if (file < 0 || ::write(file, offsets.data(), offsets.size()) < 0) return false;
  const int there = ::open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
  return there >= 0 && ::setns(there, CLONE_NEWTIME) == 0;
}

/// In the new process, until it is another program: only what is safe after a fork.
[[noreturn]] void become(char* const* arguments, const StandardStreams& streams, int report,
                         pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpgid(0, 0);                          // it and what it starts are paused and killed as one
  if (::getppid() != parent) ::_exit(127);  // it ended before it could be waited for
  ::signal(SIGPIPE, SIG_DFL);               // this process may ignore it; a program expects it
  const int input = streams.input >= 0 ? streams.input : ::open("/dev/null", O_RDONLY);
  if (::dup2(input, STDIN_FILENO) >= 0 && ::dup2(streams.output, STDOUT_FILENO) >= 0 &&
      ::dup2(streams.error, STDERR_FILENO) >= 0 &&
      (clock_offsets.empty() || enter_clock(clock_offsets))) {
    ::execvp(arguments[0], arguments);
  }
  const int error = errno;
  (void)!::write(report, &error, sizeof error);
  ::_exit(127);
}

/// Returns what to do about a program that could not be started; empty where that is clear.
std::string_view hint_at(const std::string& program, int error) {
  const bool is_file = ::access(program.c_str(), F_OK) == 0;
  if (error == ENOENT && program.find('/') == std::string::npos)
    return " (it is neither on PATH nor beside aoe-harness)";
  if (error == ENOENT && is_file)
    return " (what its first line names as its interpreter is missing)";
  if (error == EACCES && is_file) return " (it is not executable)";
  return {};
}

}  // namespace

tl::expected<pid_t, std::string> spawn(const std::vector<std::string>& command,
                                       const StandardStreams& streams) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  std::array<int, 2>
      report{};  // closed by a program that starts; holds the reason where one does not
  AOE_CHECK(::pipe2(report.data(), O_CLOEXEC) == 0);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become(arguments.data(), streams, report[1], parent);
  int error = pid < 0 ? errno : 0;
  ::close(report[1]);
  if (pid > 0) {
    while (::read(report[0], &error, sizeof error) < 0 && errno == EINTR) {
    }
    if (error != 0) ::waitpid(pid, nullptr, 0);
  }
  ::close(report[0]);
  if (error == 0) return pid;
  return tl::unexpected(fmt::format("{}: {}{}", command[0], std::generic_category().message(error),
                                    hint_at(command[0], error)));
}

tl::expected<void, std::string> set_clock_of_programs(Duration reading) {
  const std::string offsets = offset_of("monotonic", CLOCK_MONOTONIC, reading) +
                              offset_of("boottime", CLOCK_BOOTTIME, reading);
  const pid_t trial = ::fork();
  if (trial == 0) ::_exit(enter_clock(offsets) ? 0 : errno);
  const int status = trial < 0 ? -1 : wait_for_end(trial);
  if (status != 0) {
    const int error = trial < 0 ? errno : WEXITSTATUS(status);
    return tl::unexpected("no time namespace for the programs: " +
                          std::generic_category().message(error));
  }
  clock_offsets = offsets;
  return {};
}

int wait_for_end(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format("was killed by signal {} ({})", WTERMSIG(status),
                       ::strsignal(WTERMSIG(status)));
  }
  return fmt::format("ended with status {}", WEXITSTATUS(status));
}

tl::expected<std::unique_ptr<Process>, std::string> Process::start(
    const std::vector<std::string>& command, ProgramLog& log) {
  std::array<int, 2> pipe{};
  AOE_CHECK(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  const Descriptor input(pipe[1]);
  Descriptor output(pipe[0]);
  AOE_CHECK(::fcntl(output.get(), F_SETFL, O_NONBLOCK) == 0);
  const auto pid = spawn(command, {.output = input.get(), .error = input.get()});
  if (!pid) return tl::unexpected(pid.error());
  return std::unique_ptr<Process>(new Process(*pid, std::move(output), log));
}

Process::Process(pid_t pid, Descriptor output, ProgramLog& log)
    : pid_(pid),
      log_(log),
      output_(std::move(output)),
      stop_(::eventfd(0, EFD_CLOEXEC)),
      listener_([this] { listen(); }) {
  AOE_CHECK(stop_.get() >= 0);
}

Process::~Process() {
  if (!is_running()) return;
  ::kill(-pid_, SIGCONT);
  ::kill(pid_, SIGTERM);
  const int ended = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  pollfd poll{ended, POLLIN, 0};
  if (ended < 0 || ::poll(&poll, 1, static_cast<int>(patience_.count())) != 1) {
    ::kill(-pid_, SIGKILL);
  }
  if (ended >= 0) ::close(ended);
  bury();
}

bool Process::is_running() {
  if (pid_ < 0) return false;
  siginfo_t end{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &end, WEXITED | WNOHANG | WNOWAIT) == 0 &&
      end.si_pid == pid_) {
    bury();
  }
  return pid_ > 0;
}

void Process::pause(bool paused) {
  if (is_running()) ::kill(-pid_, paused ? SIGSTOP : SIGCONT);
}

void Process::kill() {
  if (!is_running()) return;
  ::kill(-pid_, SIGKILL);
  bury();
}

void Process::bury() {
  siginfo_t end{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &end, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  ::kill(-pid_, SIGKILL);  // nobody else can have its number before it is reaped
  end_ = describe_end(wait_for_end(pid_));
  pid_ = -1;
  constexpr std::uint64_t now = 1;
  AOE_CHECK(::write(stop_.get(), &now, sizeof now) == sizeof now);
  listener_.join();
  // What escaped its group may still hold the pipe, and print for ever: no more than a pipe holds.
  for (int i = 0; i < 16 && take_some(); ++i) {
  }
  log_.flush();
}

void Process::listen() {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds flush_interval(250);  // of a program that prints without end
  Clock::time_point next_flush = Clock::now();
  bool is_behind = false;  // the log's file
  std::array<pollfd, 2> files{{{output_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  while (true) {
    const int wait = is_behind ? static_cast<int>(flush_interval.count()) : -1;
    const int ready = ::poll(files.data(), files.size(), wait);
    if (ready < 0) continue;  // interrupted by a signal
    if (files[1].revents != 0) return;
    if (ready > 0 && take_some()) {
      is_behind = true;
    } else if (ready > 0 && (files[0].revents & (POLLHUP | POLLERR)) != 0) {
      files[0].fd = -1;  // nobody can print any more
    }
    if (!is_behind || (ready > 0 && Clock::now() < next_flush)) continue;
    log_.flush();
    next_flush = Clock::now() + flush_interval;
    is_behind = false;
  }
}

bool Process::take_some() {
  std::array<char, std::size_t{1} << 16> room;
  const ssize_t got = ::read(output_.get(), room.data(), room.size());
  if (got <= 0) return false;
  log_.append({room.data(), static_cast<std::size_t>(got)});
  return true;
}

void adopt_orphans() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

std::vector<pid_t> children_of_this_process() {
  std::ifstream file(fmt::format("/proc/self/task/{}/children", ::getpid()));
  std::vector<pid_t> pids;
  for (pid_t pid = 0; file >> pid;) pids.push_back(pid);
  return pids;
}

void end_orphans(const std::vector<pid_t>& spared) {
  while (true) {  // the last one may have started more
    std::vector<pid_t> pids = children_of_this_process();
    std::erase_if(pids, [&](pid_t pid) { return std::ranges::count(spared, pid) > 0; });
    if (pids.empty()) return;
    for (const pid_t pid : pids) ::kill(pid, SIGKILL);
    for (const pid_t pid : pids) wait_for_end(pid);
  }
}

tl::expected<void, std::string> run_program(const std::vector<std::string>& command) {
  if (auto printed = output_of(command); !printed) return tl::unexpected(printed.error());
  return {};
}

tl::expected<std::string, std::string> output_of(const std::vector<std::string>& command) {
  std::array<int, 2> pipe{};
  AOE_CHECK(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  const auto pid = spawn(command, {.output = pipe[1], .error = pipe[1]});
  ::close(pipe[1]);
  constexpr std::size_t printed_max = std::size_t{256} << 10;
  std::string printed;
  if (pid) {
    std::array<char, 4096> bytes;
    while (const ssize_t got = ::read(pipe[0], bytes.data(), bytes.size())) {
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) break;
      const auto size = static_cast<std::size_t>(got);
      printed.append(bytes.data(), std::min(size, printed_max - printed.size()));
    }
  }
  ::close(pipe[0]);
  if (!pid) return tl::unexpected(pid.error());
  const int status = wait_for_end(*pid);
  if (status == 0) return printed;
  constexpr std::size_t lines_told = 10;
  const std::string said = last_lines(printed, lines_told);
  return tl::unexpected(
      fmt::format("{}: {}", fmt::join(command, " "), said.empty() ? describe_end(status) : said));
}

std::string version_of(const Implementation& implementation) {
  const auto words = expand(implementation.version, {});
  if (!words || words->empty()) return {};
  std::vector<std::string> command = *words;
  command[0] = find_program(command[0]);
  // One that does not know the question might serve instead of answering.
  command.insert(command.begin(), {"timeout", "--kill-after=1", "2"});
  const auto printed = output_of(command);
  return printed ? printed->substr(0, printed->find('\n')) : std::string();
}

}  // namespace aoe::harness
