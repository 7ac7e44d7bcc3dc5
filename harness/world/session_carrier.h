// Carries out requests by lines to a program that stays, on its standard input and output.
//
//   the program, first   ready
//   discover             ok                       the disk is there
//   read LBA COUNT       ok, then COUNT × 512 bytes
//   write LBA COUNT, then COUNT × 512 bytes       ok
//   flush                ok
//   any of them          error TEXT               this request failed
//
// Each line ends with a line feed. Answers come in the order of the requests, of which the next may be
// sent before the last one is answered (`at-once`). What else it prints ends the session, as does a
// request without an answer.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/instant.h"
#include "harness/world/piped_program.h"
#include "harness/world/request_carrier.h"

namespace aoe::harness {

class SessionCarrier final : public RequestCarrier {
 public:
  /// Starts the program in the network namespace that this is called in. It is killed where a
  /// request has no answer `within` so long. `log` outlives this.
  static tl::expected<std::unique_ptr<SessionCarrier>, std::string> start(
      boost::asio::io_context& loop, const std::vector<std::string>& command, ProgramLog& log,
      Duration within);

  void carry_out(CarriedRequest request, Ended ended) override;
  bool is_ready() const override { return is_ready_; }
  std::string end() override { return end_; }

 private:
  struct Asked {
    std::string line;
    std::size_t bytes = 0;  // of its answer, behind the line
    Ended ended;
    std::chrono::steady_clock::time_point due;
  };

  SessionCarrier(boost::asio::io_context& loop, Duration within);
  void took(Bytes printed);
  /// Handles one line, or the data that follows one. Returns false while it has not come whole.
  bool take_one();
  void take_line(const std::string& line);
  void answer(CarriedResult result);
  /// Waits until the first request is overdue.
  void watch();
  /// Ends the program for what it did or did not do.
  void give_up(std::string why);
  void ended(const std::string& how);

  const Duration within_;
  boost::asio::steady_timer timer_;
  std::unique_ptr<PipedProgram> program_;
  std::deque<Asked> asked_;
  std::vector<std::uint8_t> printed_;  // and not yet understood
  bool is_data_due_ = false;           // of the first request, behind its "ok"
  bool is_ready_ = false;
  std::string why_;  // it was ended by us
  std::string end_;
};

}  // namespace aoe::harness
