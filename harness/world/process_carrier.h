// Carries out each request by a process of its own: its exit status says whether the request
// succeeded, a read is what it prints, and a write is what it is given to read.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "harness/language/implementation.h"
#include "harness/world/piped_program.h"
#include "harness/world/request_carrier.h"
#include "wire/network_namespace.h"

namespace aoe::harness {

class ProcessCarrier final : public RequestCarrier {
 public:
  /// Takes the commands from the implementation. Processes start in the namespace `where` (null: where
  /// this process is), are killed after `within`, and print to `log`; all of these outlive this.
  ProcessCarrier(boost::asio::io_context& loop, const Implementation& implementation,
                 Placeholders values, const NetworkNamespace* where, ProgramLog& log,
                 Duration within);

  void carry_out(CarriedRequest request, Ended ended) override;

 private:
  struct Running {
    explicit Running(boost::asio::io_context& loop) : timer(loop) {}
    CarriedRequest request;
    Ended ended;
    boost::asio::steady_timer timer;
    std::unique_ptr<PipedProgram> program;
    std::vector<std::uint8_t> printed;
    bool is_overdue = false;
  };
  using Place = std::list<Running>::iterator;

  /// Returns the words of the command for the request.
  tl::expected<std::vector<std::string>, std::string> command_for(
      const CarriedRequest& request) const;
  void took(Running& running, Bytes printed);
  /// Returns why the request of a process that ended so has failed; empty: it has not.
  std::string trouble_of(const Running& running, const std::string& how) const;
  void finish(Place place, std::string trouble);

  boost::asio::io_context& loop_;
  const Implementation& implementation_;
  const Placeholders values_;
  const NetworkNamespace* where_;
  ProgramLog& log_;
  const Duration within_;
  std::list<Running> running_;
};

}  // namespace aoe::harness
