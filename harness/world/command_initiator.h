// An initiator under test that is used by commands instead of a file: each request is a process of its
// own, or a line to one that stays (request_carrier.h).
//
// It is given up to `at-once` requests at a time; the others wait. Its device is up from a discovery
// that succeeded until a request fails. Nothing else is known of its state, so a step that asks for it is
// unsupported (language/abilities.h). Works in the loop of its world, and never waits.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "harness/language/implementation.h"
#include "harness/world/initiator_under_test.h"
#include "harness/world/live_ends.h"
#include "harness/world/process.h"
#include "harness/world/request_carrier.h"
#include "wire/network_namespace.h"

namespace aoe::harness {

class CommandInitiator final : public LiveInitiator {
 public:
  /// Starts what stays, in the network namespace `where`, which outlives this. `gave_up` is called when a
  /// request has failed. The error says what could not be had.
  static tl::expected<std::unique_ptr<CommandInitiator>, std::string> start(
      boost::asio::io_context& loop, const Implementation& implementation, const Scenario& scenario,
      NodeIndex node, const InitiatorPlace& place, const NetworkNamespace& where,
      std::function<void(Address)> gave_up);
  ~CommandInitiator() override;

  std::string end() override;
  std::string said(std::size_t lines) const override { return log_->last_lines(lines); }
  bool is_ready() const override { return carrier_->is_ready(); }
  void discover(Address whom) override;
  void submit(const initiator::IoRequest& request, Done done) override;
  std::string why(const initiator::Completion& completion) const override;
  std::string_view state(Address device) const override {
    return device == address_ ? std::string_view(state_) : std::string_view();
  }
  bool open(Address) override { return false; }
  void close(Address) override {}

 private:
  struct Waiting {
    CarriedRequest request;
    RequestCarrier::Ended ended;
  };

  CommandInitiator(boost::asio::io_context& loop, const Implementation& implementation,
                   Address address, std::function<void(Address)> gave_up);
  void pump();
  void ended(const initiator::IoRequest& request, const Done& done, const CarriedResult& result);

  boost::asio::io_context& loop_;
  const Implementation implementation_;
  const Address address_;
  const std::function<void(Address)> gave_up_;
  std::string folder_;  // {dir}
  std::unique_ptr<ProgramLog> log_;
  std::unique_ptr<Process> daemon_;  // `command`; null where it has none
  std::unique_ptr<RequestCarrier> carrier_;
  std::deque<Waiting> waiting_;
  std::size_t at_work_ = 0;
  bool is_discovering_ = false;
  std::string state_;
  std::string trouble_;  // of the request that failed last
};

}  // namespace aoe::harness
