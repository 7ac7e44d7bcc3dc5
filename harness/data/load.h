// An `io` step at work: one request, or many of them with some outstanding at once, checked as they
// come back. Blocks are chosen by the seed, each at most once, so that nothing overlaps within a
// load.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/data/disk_model.h"
#include "harness/world/world.h"

namespace aoe::harness {

class Load {
 public:
  Load(const IoStep& step, const Scenario& scenario, World& world, DiskModel& model,
       Random& random);
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  /// Submits as much as may be outstanding; the rest follows as requests complete.
  void start();

  const std::string& id() const { return step_.id; }
  std::uint32_t requests() const { return step_.requests; }
  bool done() const { return completed_ == step_.requests; }
  std::uint32_t completed() const { return completed_; }
  /// Requests that failed, and why the first of them did.
  std::uint32_t failed() const { return failed_; }
  const initiator::Completion& first_failure() const { return first_failure_; }
  /// Data of a read that was not what it must be.
  const std::optional<std::string>& wrong_data() const { return wrong_data_; }
  Instant started() const { return started_; }
  Instant finished() const { return finished_; }

 private:
  struct Slot {
    std::vector<std::uint8_t> buffer;
    std::uint64_t lba = 0;
    bool is_write = false;
    std::uint32_t version = 0;
    DiskModel::Snapshot snapshot{};
  };

  void submit(Slot& slot);
  void completed(Slot& slot, const initiator::Completion& completion);

  const IoStep step_;
  const Address device_;
  World& world_;
  DiskModel& model_;
  Random& random_;
  std::vector<std::uint64_t> blocks_;  // in the order in which they are used
  std::vector<Slot> slots_;
  std::uint32_t submitted_ = 0;
  std::uint32_t completed_ = 0;
  std::uint32_t failed_ = 0;
  initiator::Completion first_failure_;
  std::optional<std::string> wrong_data_;
  Instant started_{};
  Instant finished_{};
};

}  // namespace aoe::harness
