// What a run knows while its steps are played, and the words that a step is written in: wait, fail,
// start an I/O, keep what had to come in time.
//
// Owned by play_scenario() for one run; play_step() and what it calls work on it, one step at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "harness/judge/disk_history.h"
#include "harness/judge/parties.h"
#include "harness/judge/record.h"
#include "harness/language/scenario.h"
#include "harness/run/fault_control.h"
#include "harness/run/load.h"
#include "harness/run/raw_exchange.h"
#include "harness/world/world.h"

namespace aoe::harness {

struct Passed {};

/// How a step ends: passed, failed with a finding, or unsupported with a reason.
using StepResult = std::variant<Passed, Finding, Unsupported>;

inline bool passed(const StepResult& result) {
  return std::holds_alternative<Passed>(result);
}

struct RunState {
  RunState(const Scenario& the_scenario, World& the_world, const Ledger& the_ledger,
           Parties& the_parties, std::uint64_t seed);
  RunState(const RunState&) = delete;
  RunState& operator=(const RunState&) = delete;
  ~RunState();

  /// Lets the world's time pass until `done()` holds, the deadline, or the end of the world; starts
  /// killed targets again and notes when the device comes and goes. Returns whether it holds.
  bool wait(const std::function<bool()>& done, Instant deadline);
  /// Nothing more can come of the run: the world has ended, or a signal ends the run.
  bool is_over() const;

  /// Makes a finding about the step that is played, under `rule`.
  Finding fail(std::string expected, std::string actual, std::vector<FrameId> frames = {}) const;
  /// Makes one that no slow machine excuses.
  Finding fail_for_certain(std::string expected, std::string actual,
                           std::vector<FrameId> frames = {}) const;
  /// Makes one about a sector of a device, and what it holds.
  Finding about_data(std::string expected, const Device& device, const WrongData& wrong) const;
  /// The same, once and for all: wrong data is not looked for again.
  Finding fail_data(std::string expected, const Device& device, const WrongData& wrong);
  /// Keeps for the record when something had to come and when it did; nothing: it did not.
  void keep_due(std::string what, Instant since, Duration least, Duration most,
                std::optional<Instant> came);

  Load& start(const IoStep& step);
  /// What the disk of a device may hold.
  DiskHistory& history_of(const Device& device) {
    return histories[scenario.network.lun(device).disk];
  }
  /// What an initiator has at work at a device.
  AtWork& at_work(NodeIndex by, const Device& device);
  /// A target was killed: what its disks had not made stable may be lost.
  void crash(NodeIndex target);
  /// Whether a device is up at an initiator, and since when. Followed from the beginning for what an
  /// `expect` step is about.
  struct Standing {
    bool up = false;
    Instant changed{};
  };
  const Standing& standing(NodeIndex by, Address device) { return standings_.at({by, device}); }
  /// Returns whether the scenario has this check judged, and this world can.
  bool is_always(Check check) const;
  /// The values of time expressions at this moment, for an initiator.
  Symbols symbols(NodeIndex by) const;
  Symbols symbols() const { return symbols(scenario.network.first(Node::Role::initiator)); }
  /// Returns a deadline that is later than anything should take.
  Instant patience() const;
  /// Returns how long it takes until silence is an answer.
  Duration silence() const;

  const Scenario& scenario;
  World& world;
  FaultControl faults;
  const Ledger& ledger;
  Parties& parties;
  Random random;
  std::deque<DiskHistory> histories;  // by DiskIndex
  std::list<Load> loads;
  RawExchanges raw;
  Mark mark;         // of the step that is played
  std::string rule;  // that its failures are filed under
  std::vector<DueRecord> dues;
  std::vector<std::string> notes;
  std::string flaky;  // why what passes is not certain to pass again; empty: nothing says so
  Instant last_io;
  Instant last_heal;
  Instant last_change;           // when a fault was last armed or healed
  bool wrong_data_seen = false;  // and reported
  /// Sectors and what they are to hold, by DiskIndex.
  std::map<DiskIndex, std::map<std::uint64_t, std::vector<std::uint8_t>>> stated;

 private:
  using Pair = std::pair<NodeIndex, Address>;

  std::map<Pair, Standing> standings_;
  std::map<Pair, AtWork> at_work_;
};

}  // namespace aoe::harness
