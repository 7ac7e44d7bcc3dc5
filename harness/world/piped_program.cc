#include "harness/world/piped_program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/descriptor.h"
#include "harness/world/process.h"

namespace aoe::harness {
namespace {

/// What a program that has ended may have left in a pipe: more is of what escaped its group.
constexpr std::size_t left_max = std::size_t{1} << 20;

/// As much as is taken at a time.
constexpr std::size_t piece = std::size_t{1} << 16;

using boost::asio::posix::stream_descriptor;

/// The end of a pipe that a program gets, and ours.
struct PipeEnds {
  Descriptor programs;
  stream_descriptor ours;
};

PipeEnds make_pipe(boost::asio::io_context& loop, bool to_program) {
  std::array<int, 2> ends{};  // to read, to write
  AOE_CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0);
  PipeEnds pipe{Descriptor(ends[to_program ? 0 : 1]),
                stream_descriptor(loop, ends[to_program ? 1 : 0])};
  pipe.ours.non_blocking(true);
  return pipe;
}

std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

tl::expected<std::unique_ptr<PipedProgram>, std::string> PipedProgram::start(
    boost::asio::io_context& loop, const std::vector<std::string>& command, ProgramLog& log,
    Events events) {
  PipeEnds input = make_pipe(loop, true);
  PipeEnds output = make_pipe(loop, false);
  PipeEnds errors = make_pipe(loop, false);
  const auto pid =
      spawn(command, {input.programs.get(), output.programs.get(), errors.programs.get()});
  if (!pid) return tl::unexpected(pid.error());
  std::unique_ptr<PipedProgram> program(new PipedProgram(
      loop, *pid, {std::move(input.ours), std::move(output.ours), std::move(errors.ours)}, log,
      std::move(events)));
  program->listen();
  program->listen_to_errors();
  program->await_end();
  return program;
}

PipedProgram::PipedProgram(boost::asio::io_context& loop, pid_t pid, Streams streams,
                           ProgramLog& log, Events events)
    : pid_(pid),
      streams_(std::move(streams)),
      end_(loop, static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))),
      log_(log),
      events_(std::move(events)) {}

PipedProgram::~PipedProgram() {
  *is_there_ = false;
  if (pid_ < 0) return;
  ::kill(-pid_, SIGKILL);
  wait_for_end(pid_);
}

void PipedProgram::write(std::vector<std::uint8_t> bytes) {
  unwritten_.push_back(std::move(bytes));
  go_on_writing();
}

void PipedProgram::end_input() {
  ends_input_ = true;
  go_on_writing();
}

void PipedProgram::kill() {
  if (pid_ >= 0) ::kill(-pid_, SIGKILL);
}

void PipedProgram::go_on_writing() {
  Pipe& pipe = streams_.input;
  while (pipe.is_open() && !is_writing_ && !unwritten_.empty()) {
    const Bytes rest = Bytes(unwritten_.front()).subspan(written_);
    const ssize_t done = ::write(pipe.native_handle(), rest.data(), rest.size());
    if (done < 0 && errno == EAGAIN) {
      is_writing_ = true;
      pipe.async_wait(Pipe::wait_write,
                      [this, there = is_there_](const boost::system::error_code&) {
                        if (!*there) return;
                        is_writing_ = false;
                        go_on_writing();
                      });
    } else if (done < 0) {  // it reads no more
      unwritten_.clear();
      pipe.close();
    } else if (written_ += static_cast<std::size_t>(done); written_ == unwritten_.front().size()) {
      unwritten_.pop_front();
      written_ = 0;
    }
  }
  if (ends_input_ && unwritten_.empty() && pipe.is_open()) pipe.close();
}

bool PipedProgram::take(Pipe& pipe, std::size_t most, const std::function<void(Bytes)>& with) {
  std::vector<std::uint8_t> room(piece);
  for (std::size_t taken = 0; taken < most;) {
    const ssize_t got = ::read(pipe.native_handle(), room.data(), room.size());
    if (got <= 0) return got < 0 && errno == EAGAIN;
    with(Bytes(room).first(static_cast<std::size_t>(got)));
    taken += static_cast<std::size_t>(got);
  }
  return true;
}

bool PipedProgram::take_output(std::size_t most) {
  return take(streams_.output, most, [this](Bytes bytes) { events_.printed(bytes); });
}

bool PipedProgram::take_errors(std::size_t most) {
  return take(streams_.errors, most, [this](Bytes bytes) { log_.append(as_text(bytes)); });
}

void PipedProgram::listen() {
  streams_.output.async_wait(Pipe::wait_read,
                             [this, there = is_there_](const boost::system::error_code& error) {
                               if (*there && !error && take_output(piece)) listen();
                             });
}

void PipedProgram::listen_to_errors() {
  streams_.errors.async_wait(Pipe::wait_read,
                             [this, there = is_there_](const boost::system::error_code& error) {
                               if (*there && !error && take_errors(piece)) listen_to_errors();
                             });
}

void PipedProgram::await_end() {
  end_.async_wait(Pipe::wait_read,
                  [this, there = is_there_](const boost::system::error_code& error) {
                    if (*there && !error) bury();
                  });
}

/// The program has ended: what it started is killed before its number can be another's.
void PipedProgram::bury() {
  ::kill(-pid_, SIGKILL);
  const std::string how = describe_end(wait_for_end(std::exchange(pid_, -1)));
  take_errors(left_max);
  take_output(left_max);
  log_.flush();
  const auto ended = std::move(events_.ended);
  ended(how);
}

}  // namespace aoe::harness
