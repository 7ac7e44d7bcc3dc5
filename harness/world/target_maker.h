// Makes the targets of a live world: programs with files for disks, or engines of ours with disks in
// memory.
//
// Owned by a LiveWorld, or by the far half of one (remote_half.h); owns the disks, and outlives the
// targets. Works in one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <tl/expected.hpp>

#include "harness/language/implementation.h"
#include "harness/world/disk_image.h"
#include "harness/world/engine_target.h"
#include "harness/world/live_ends.h"
#include "harness/world/process_target.h"

namespace aoe::harness {

class TargetMaker {
 public:
  /// Returns the program that plays a node; null: an engine of ours does.
  using Player = std::function<const Implementation*(NodeIndex node)>;

  /// `loop` runs the engines. What a crash loses of a disk in memory is drawn from `seed`. `loop` and
  /// `scenario` outlive this.
  TargetMaker(boost::asio::io_context& loop, const Scenario& scenario, std::uint64_t seed,
              Player player);

  /// Makes the target that plays a node; it has not begun. The error says what could not be had.
  tl::expected<std::unique_ptr<LiveTarget>, std::string> make(NodeIndex node,
                                                              const ProcessTarget::Place& place);

 private:
  /// Is the disk a file, because a program has it?
  bool is_of_programs(DiskIndex disk) const;
  /// The image of a disk, which is made where it is not there yet, in that folder.
  tl::expected<std::shared_ptr<DiskImage>, std::string> image(DiskIndex disk,
                                                              const std::string& folder);
  const Network& network() const { return scenario_.network; }

  boost::asio::io_context& loop_;
  const Scenario& scenario_;
  const std::uint64_t seed_;
  const Player player_;
  const Implementation ours_ = our_target();
  std::deque<EngineDisk> disks_;                    // of engines; none where programs have them
  std::vector<std::shared_ptr<DiskImage>> images_;  // of programs, by disk
};

}  // namespace aoe::harness
