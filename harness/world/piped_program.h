// A program whose standard input and output are the harness's to write and read; what it prints on
// standard error goes to a log.
//
// Owned by an initiator under test that is used by commands. Works in an Asio loop, in one thread,
// and never waits: it calls back from the loop. SIGPIPE has to be ignored in this process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <tl/expected.hpp>

#include "base/bytes.h"
#include "harness/world/program_log.h"

namespace aoe::harness {

class PipedProgram {
 public:
  struct Events {
    /// Called with what it printed, in order.
    std::function<void(Bytes)> printed;
    /// Called once, last, when it has ended and all that it printed was read; how it ended, as
    /// describe_end() has it. The program may be destroyed from within, but not from `printed`.
    std::function<void(const std::string& how)> ended;
  };

  /// Starts `command` in the network namespace that this is called in. `log` outlives it. The error
  /// names the program, or says that it can't be started.
  static tl::expected<std::unique_ptr<PipedProgram>, std::string> start(
      boost::asio::io_context& loop, const std::vector<std::string>& command, ProgramLog& log,
      Events events);
  PipedProgram(const PipedProgram&) = delete;
  PipedProgram& operator=(const PipedProgram&) = delete;
  /// Kills the program and what it started, where they still run. Calls nothing back.
  ~PipedProgram();

  /// Gives it bytes to read; those of a program that reads no more are lost.
  void write(std::vector<std::uint8_t> bytes);
  /// Ends what it can read, once all that was written has been read.
  void end_input();
  /// Kills the program and what it started; `ended` is called later.
  void kill();

 private:
  using Pipe = boost::asio::posix::stream_descriptor;
  /// Its ends of the three streams.
  struct Streams {
    Pipe input;
    Pipe output;
    Pipe errors;
  };

  PipedProgram(boost::asio::io_context& loop, pid_t pid, Streams streams, ProgramLog& log,
               Events events);
  void go_on_writing();
  void listen();
  void listen_to_errors();
  void await_end();
  void bury();
  /// Takes what the pipe holds now, up to `most` bytes. Returns false once it holds no more for ever.
  bool take(Pipe& pipe, std::size_t most, const std::function<void(Bytes)>& with);
  bool take_output(std::size_t most);
  bool take_errors(std::size_t most);

  pid_t pid_;  // -1 once it has ended
  Streams streams_;
  Pipe end_;  // readable when the program has ended
  ProgramLog& log_;
  Events events_;
  std::deque<std::vector<std::uint8_t>> unwritten_;
  std::size_t written_ = 0;  // bytes of the first of them
  bool is_writing_ = false;
  bool ends_input_ = false;
  /// What is called back later asks whether this is still there.
  std::shared_ptr<bool> is_there_ = std::make_shared<bool>(true);
};

}  // namespace aoe::harness
