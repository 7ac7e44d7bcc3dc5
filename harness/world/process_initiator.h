// An initiator that is a process: a command that makes a disk appear as a file. I/O is what any
// program would do with that: pread, pwrite and fsync, past the page cache where the file allows.
//
// All calls that may wait for the process are made on a pool of threads, so that the bridge never
// stands still; their results are handled in the loop.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include "base/descriptor.h"
#include "harness/language/implementation.h"
#include "harness/world/initiator_under_test.h"
#include "harness/world/live_ends.h"
#include "harness/world/process.h"

namespace aoe::harness {

class ProcessInitiator final : public LiveInitiator {
 public:
  using Place = InitiatorPlace;
  /// Starts the program in the network namespace that it is called in. `gave_up` is called when the
  /// disk is no longer there. The error says what could not be had.
  static tl::expected<std::unique_ptr<ProcessInitiator>, std::string> start(
      boost::asio::io_context& loop, const Implementation& implementation, const Scenario& scenario,
      NodeIndex node, const Place& place, std::function<void(Address)> gave_up);
  ~ProcessInitiator() override;

  std::string end() override { return process_->is_running() ? std::string() : process_->end(); }
  std::string said(std::size_t lines) const override { return log_->last_lines(lines); }
  void discover(Address whom) override;
  void submit(const initiator::IoRequest& request, Done done) override;
  /// Returns whether it can be asked to search for disks; true at once where it has no such way.
  bool is_ready() const override { return ready_; }
  bool open(Address device) override;
  void close(Address device) override;
  std::string_view state(Address device) const override {
    return device == address_ ? std::string_view(state_) : std::string_view();
  }

 private:
  struct Transfer;
  struct Files {  // of the disk, as the implementation has them
    std::string device;
    std::string state;
    std::string discover;
  };

  ProcessInitiator(boost::asio::io_context& loop, Address address,
                   std::function<void(Address)> gave_up);
  void look();
  void seen(const std::string& state, bool ready);
  void note(const std::string& state);
  static std::string read_state(const Files& files);
  /// Runs on a thread of the pool.
  void carry_out(Transfer& transfer);
  std::shared_ptr<const Descriptor> open_device();
  void close_device();
  bool wait_for(std::function<void()> deed);

  boost::asio::io_context& loop_;
  const Address address_;
  const std::function<void(Address)> gave_up_;
  boost::asio::steady_timer timer_;
  Files files_;
  std::unique_ptr<ProgramLog> log_;
  std::string mount_point_;
  std::string state_;
  bool ready_ = false;
  std::mutex mutex_;
  std::shared_ptr<const Descriptor> device_;  // open for all requests, until one fails
  Descriptor held_;                           // of an `open` step, until it is closed
  std::unique_ptr<Process> process_;
  boost::asio::thread_pool workers_;
};

}  // namespace aoe::harness
