// An `io` step at work: one request, or many of them with some outstanding at once, checked as they
// come back.
//
// The seed decides which blocks are asked for: each at most once, or anywhere within a span, so
// that requests overlap. A request that would look like another one on its way (see AtWork) waits.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/judge/disk_history.h"
#include "harness/world/world.h"

namespace aoe::harness {

/// The requests that are at work at a device, of all loads of an initiator. In the frames, two reads of one sector,
/// two flushes or two trims look like a request and its repetition, so of these only one is at work
/// at a time. The initiator itself keeps writes and what overlaps them in order.
class AtWork {
 public:
  explicit AtWork(std::uint64_t sectors) : is_read_(sectors) {}

  /// Begins the request where it may; returns whether it did.
  bool begin(const initiator::IoRequest& request);
  void end(const initiator::IoRequest& request);

  /// Called when a request has ended and another waited for it.
  std::function<void()> on_room;
  void wait() { ++waiting_; }

 private:
  std::vector<bool> is_read_;  // by sector
  bool flushing_ = false;
  bool trimming_ = false;
  std::uint64_t waiting_ = 0;
};

struct RunState;

class Load {
 public:
  Load(const IoStep& step, RunState& run);
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  /// Submits as many requests as may be outstanding; the rest follows as they complete.
  void start();
  /// Submits what waited for other loads.
  void go_on();

  const std::string& id() const { return step_.id; }
  const Device& device() const { return step_.to; }
  std::uint32_t requests() const { return step_.requests; }
  bool done() const { return completed_ == step_.requests; }
  std::uint32_t completed() const { return completed_; }
  /// Requests that failed, and why the first of them did.
  std::uint32_t failed() const { return failed_; }
  const initiator::Completion& first_failure() const { return first_failure_; }
  /// Returns the initiator whose requests they are.
  NodeIndex by() const { return step_.by; }
  /// Data of a read that was not what it must be.
  const std::optional<WrongData>& wrong_data() const { return wrong_data_; }
  Instant started() const { return started_; }
  Instant finished() const { return finished_; }

 private:
  struct Request {
    initiator::IoRequest request{};
    std::vector<std::uint8_t> buffer{};
    Version version = 0;  // of a write or trim
    Moment begun = 0;     // of a read or flush
  };

  initiator::IoKind draw_kind();
  std::uint64_t draw_lba();
  void draw(Request& slot);
  bool submit(Request& slot);
  void completed(Request& slot, const initiator::Completion& completion);

  const IoStep step_;
  RunState& run_;
  DiskHistory& history_;
  AtWork& at_work_;
  std::vector<std::uint64_t> blocks_;  // in the order in which they are used, each once
  std::vector<Request> requests_;
  std::vector<std::uint32_t> idle_;    // indices of requests_
  std::optional<std::uint32_t> next_;  // the one that is drawn, and may not be submitted yet
  bool going_on_ = false;
  std::uint32_t drawn_ = 0;
  std::uint32_t completed_ = 0;
  std::uint32_t failed_ = 0;
  initiator::Completion first_failure_;
  std::optional<WrongData> wrong_data_;
  Instant started_{};
  Instant finished_{};
};

}  // namespace aoe::harness
