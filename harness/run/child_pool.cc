#include "harness/run/child_pool.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "harness/run/interruption.h"
#include "harness/world/process.h"

namespace aoe::harness {
namespace {

using Clock = std::chrono::steady_clock;

struct Child {
  std::size_t index;
  pid_t pid;
  int pipe;  // what it returns
  Clock::time_point deadline;
  std::string output{};
  bool asked = false;    // to end
  bool overdue = false;  // and so was asked
};

void write_all(int file, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t written = ::write(file, text.data() + done, text.size() - done);
    if (written < 0 && errno != EINTR) return;
    if (written > 0) done += static_cast<std::size_t>(written);
  }
}

[[noreturn]] void be_child(const ChildPool& pool, std::size_t index, int pipe, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(EXIT_FAILURE);
  outlast_interruptions();
  int status = EXIT_SUCCESS;
  try {
    write_all(pipe, pool.work(index));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    status = EXIT_FAILURE;
  }
  // Neither this copy's buffers nor its objects are the parent's to see twice.
  ::_exit(status);
}

Child start(const ChildPool& pool, std::size_t index) {
  int ends[2];
  AOE_CHECK(::pipe2(ends, O_CLOEXEC) == 0);
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  AOE_CHECK(pid >= 0);
  if (pid == 0) {
    ::close(ends[0]);
    be_child(pool, index, ends[1], parent);
  }
  ::close(ends[1]);
  return {.index = index, .pid = pid, .pipe = ends[0], .deadline = Clock::now() + pool.patience};
}

/// Reads what there is. False: no more will come.
bool read_some(Child& child) {
  char room[65536];
  const ssize_t got = ::read(child.pipe, room, sizeof room);
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  child.output.append(room, static_cast<std::size_t>(got));
  return got > 0;
}

ChildEnd bury(const ChildPool& pool, Child& child) {
  ::close(child.pipe);
  const int status = wait_for_end(child.pid);
  std::string death;
  if (child.overdue) {
    death = fmt::format("did not end within {} s", pool.patience.count());
  } else if (status != 0) {
    death = describe_end(status);
  }
  return {child.index, std::move(child.output), std::move(death)};
}

/// Asks it to end what it has begun, and gives it until the end of the pool's grace.
void ask(const ChildPool& pool, Child& child) {
  child.asked = true;
  child.deadline = Clock::now() + pool.grace;
  ::kill(child.pid, SIGTERM);
}

int milliseconds_until(Clock::time_point when) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 200));
}

}  // namespace

std::size_t ChildPool::run(std::size_t count) const {
  adopt_orphans();
  const std::vector<pid_t> others = children_of_this_process();
  std::vector<Child> children;
  std::size_t next = 0;
  std::vector<pollfd> files;
  while (true) {
    const bool stopping = stop() || interrupted();
    while (!stopping && next < count && children.size() < jobs) {
      children.push_back(start(*this, next++));
    }
    if (children.empty()) return next;

    files.clear();
    Clock::time_point first = Clock::time_point::max();
    for (const Child& child : children) {
      files.push_back({child.pipe, POLLIN, 0});
      first = std::min(first, child.deadline);
    }
    ::poll(files.data(), files.size(), milliseconds_until(first));

    std::vector<Child> left;
    for (std::size_t i = 0; i < children.size(); ++i) {
      Child& child = children[i];
      if (files[i].revents != 0 && !read_some(child)) {
        const ChildEnd end = bury(*this, child);
        std::vector<pid_t> spared = others;
        for (const Child& each : children) spared.push_back(each.pid);
        end_orphans(spared);  // what it started and did not end
        ended(end);
        continue;
      }
      const bool is_late = Clock::now() >= child.deadline;
      if (is_late && child.asked) {
        child.deadline = Clock::time_point::max();
        ::kill(child.pid, SIGKILL);
      } else if (is_late || (interrupted() && !child.asked)) {
        child.overdue = is_late;
        ask(*this, child);
      }
      left.push_back(std::move(child));
    }
    children = std::move(left);
  }
}

}  // namespace aoe::harness
