// The disk of a target that runs in this process: in memory, with a write cache that is lost when
// the target is killed, and with faults when they are asked for.
//
// Outlives the targets that use it, each through a store of its own, one at a time. What was not
// flushed when one is killed is on the disk or is not, sector by sector, as the seed decides. In
// steady state nothing is allocated.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <boost/unordered/unordered_flat_set.hpp>

#include "harness/world/world.h"
#include "target/store/memory_store.h"

namespace aoe::harness {

class MemoryDisk {
 public:
  /// Sectors hold the pattern of version 0, or zeros.
  /// `clock` gives the time, for a disk that is slow.
  using Clock = std::function<Instant()>;
  MemoryDisk(std::uint64_t sectors, bool fill_pattern, std::uint64_t seed, Clock clock = {});

  /// Returns a store for one target; the disk outlives it.
  std::unique_ptr<target::Store> connect();
  /// Called when the target is killed: what was not flushed may be lost.
  void lose_cache();
  /// Called when the target ends in good order: all of it is stable.
  void keep_cache() { forget(); }
  void set_faults(const std::optional<DiskFaults>& faults) { faults_ = faults; }
  /// When complete() is due: what was slow is done then.
  Instant deadline() const { return slow_.empty() ? never : slow_.front().due; }
  void complete(Instant now);
  /// What it holds now, cache included.
  Bytes bytes() const { return memory_.bytes(); }

 private:
  class Connection;

  /// A sector that was written since the last flush, and where what it held before is.
  struct Unstable {
    std::uint64_t lba;
    std::size_t before;  // in before_
  };

  /// An operation that is under way, until then.
  struct Slow {
    Instant due{};
    target::Operation* operation = nullptr;
  };

  std::error_code perform(const target::Operation& operation);
  std::error_code carry_out(const target::Operation& operation);
  /// Do the faults concern it?
  bool struck(const target::Operation& operation) const;
  bool is_slow(const target::Operation& operation) const {
    return faults_ && faults_->delay > Duration{} && struck(operation);
  }
  void start(target::Operation& operation);
  void count_strike();
  void remember(std::uint64_t offset, std::uint64_t size);
  void forget();

  target::MemoryStore memory_;
  Random random_;
  const Clock clock_;
  std::optional<DiskFaults> faults_;
  std::deque<Slow> slow_;                                 // the next one first
  boost::unordered_flat_set<std::uint64_t> is_unstable_;  // sectors
  std::vector<Unstable> unstable_;
  std::vector<std::uint8_t> before_;
};

}  // namespace aoe::harness
