#include "harness/world/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"

namespace aoe::harness {
namespace {

/// In the new process, until it is another program: only what is safe after a fork.
[[noreturn]] void become(char* const* arguments, int output, int report, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpgid(0, 0);                          // it and what it starts are paused and killed as one
  if (::getppid() != parent) ::_exit(127);  // it ended before it could be waited for
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (::dup2(nothing, STDIN_FILENO) >= 0 && ::dup2(output, STDOUT_FILENO) >= 0 &&
      ::dup2(output, STDERR_FILENO) >= 0) {
    ::execvp(arguments[0], arguments);
  }
  const int error = errno;
  (void)!::write(report, &error, sizeof error);
  ::_exit(127);
}

/// Standard output and error go to `output`.
tl::expected<pid_t, std::string> spawn(const std::vector<std::string>& command, int output) {
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
  if (pid == 0) become(arguments.data(), output, report[1], parent);
  int error = pid < 0 ? errno : 0;
  ::close(report[1]);
  if (pid > 0) {
    while (::read(report[0], &error, sizeof error) < 0 && errno == EINTR) {
    }
    if (error != 0) ::waitpid(pid, nullptr, 0);
  }
  ::close(report[0]);
  if (error == 0) return pid;
  return tl::unexpected(fmt::format("{}: {}", command[0], std::generic_category().message(error)));
}

/// What a program printed, on one line.
std::string one_line(std::string line) {
  line.erase(line.find_last_not_of('\n') + 1);
  for (std::size_t at = 0; (at = line.find('\n', at)) != std::string::npos;)
    line.replace(at, 1, "; ");
  return line;
}

}  // namespace

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
    const std::vector<std::string>& command, const std::string& log) {
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (output < 0) {
    return tl::unexpected(fmt::format("{}: {}", log, std::generic_category().message(errno)));
  }
  const auto pid = spawn(command, output);
  ::close(output);
  if (!pid) return tl::unexpected(pid.error());
  return std::unique_ptr<Process>(new Process(*pid));
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
  wait_for_end(pid_);
}

bool Process::is_running() {
  int status = 0;
  if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
    pid_ = -1;
    end_ = describe_end(status);
  }
  return pid_ > 0;
}

void Process::pause(bool paused) {
  if (is_running()) ::kill(-pid_, paused ? SIGSTOP : SIGCONT);
}

void Process::kill() {
  if (!is_running()) return;
  ::kill(-pid_, SIGKILL);
  end_ = describe_end(wait_for_end(pid_));
  pid_ = -1;
}

std::string last_line(const std::string& log) {
  std::ifstream file(log);
  std::string last = "nothing";
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) last = line;
  }
  return last;
}

tl::expected<void, std::string> run_program(const std::vector<std::string>& command) {
  if (auto printed = output_of(command); !printed) return tl::unexpected(printed.error());
  return {};
}

tl::expected<std::string, std::string> output_of(const std::vector<std::string>& command) {
  std::array<int, 2> pipe{};
  AOE_CHECK(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  const auto pid = spawn(command, pipe[1]);
  ::close(pipe[1]);
  std::string printed;
  if (pid) {
    std::array<char, 4096> bytes;
    while (const ssize_t got = ::read(pipe[0], bytes.data(), bytes.size())) {
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) break;
      printed.append(bytes.data(), static_cast<std::size_t>(got));
    }
  }
  ::close(pipe[0]);
  if (!pid) return tl::unexpected(pid.error());
  const int status = wait_for_end(*pid);
  if (status == 0) return printed;
  const std::string said = one_line(printed);
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
