// The first SIGINT or SIGTERM, for a command that reports what it has before it ends.
//
// Made by the command when there is something to report: until then, and after the first signal, a
// signal ends the program at once.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace aoe::initiator {

class Interruption {
 public:
  /// Signals are noted while `loop` runs, which outlives this.
  explicit Interruption(boost::asio::io_context& loop);
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  ~Interruption();

  /// Returns whether a signal has come.
  explicit operator bool() const { return signal_ != 0; }
  /// Returns the exit status: 0, or 128 + n after signal n.
  int status() const { return signal_ == 0 ? 0 : 128 + signal_; }

 private:
  boost::asio::io_context& loop_;
  boost::asio::signal_set signals_;
  int signal_ = 0;
};

}  // namespace aoe::initiator
