// Runs a scenario's steps in a world, and judges what was seen.
//
// Knows no world in particular. Stops at the first step whose expectation fails; heals everything
// at the end, lets all requests resolve, compares the store with what was acknowledged, and asks
// which rules the frames broke. One run, one object. runner_expect.cc has what `expect` asks for.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/judge/disk_history.h"
#include "harness/judge/exchanges.h"
#include "harness/judge/record.h"
#include "harness/language/scenario.h"
#include "harness/run/fault_control.h"
#include "harness/run/load.h"
#include "harness/run/raw_exchange.h"
#include "harness/world/world.h"

namespace aoe::harness {

/// An expectation that was not met.
struct Failure {
  Mark mark;         // of the step; line 0 for what holds for the run as a whole
  std::string rule;  // the step's word, or the check's name
  std::string expected;
  std::string actual;
  std::vector<FrameId> frames{};  // that show it
  bool certain = false;           // no slow machine excuses it
};

struct Verdict {
  Outcome outcome = Outcome::passed;
  std::vector<Failure> failures;
  std::string reason;              // of what is neither passed nor failed
  std::vector<std::string> notes;  // what was measured: "retransmit +100ms in [100, 120] ms"
  std::vector<StepRecord> steps;   // as they were played
  std::vector<DueRecord> dues;     // what had to come in time
  Duration took{};                 // of the world's time
  std::uint64_t requests = 0;      // completed
};

/// A world whose times are less certain than this can't tell whether a timeout was kept.
inline constexpr Duration slack_max = std::chrono::milliseconds(500);

class Runner {
 public:
  Runner(const Scenario& scenario, World& world, const Ledger& ledger, Exchanges& exchanges,
         std::uint64_t seed);
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  ~Runner();

  Verdict run();

 private:
  using Result = std::optional<Failure>;

  Result do_steps();
  void tell_late_duplicates();
  /// Fills in the outcome, and the reason for it.
  void judge(Verdict& verdict) const;
  Result step(const DiscoverStep& step);
  Result step(const WarmupStep& step);
  Result step(const ArmStep& step);
  Result step(const HealStep& step);
  Result step(const IoStep& step);
  Result step(const WaitStep& step);
  Result step(const ExpectStep& step);
  Result step(const SaysStep& step);
  Result step(const HoldStep& step);
  Result step(const SendStep& step);
  Result step(const QueryStep& step);
  Result step(const ScapyStep& step);
  Result step(const AliveStep& step);
  Result step(const AdvertisedStep& step);

  Result expect(const ExpectDevice& device);
  Result expect(const ExpectIo& io);
  Result expect(const ExpectRetransmit& retransmit);
  Result expect(const ExpectOutstanding& outstanding);
  Result expect(const ExpectHits& hits);
  Result expect(const ExpectReply& reply);
  Result expect(const ExpectReplies& replies);
  /// The requests that a fault has dropped, and those whose answers it has.
  std::vector<FrameId> requests_hit_by(const std::string& fault) const;
  /// Of an I/O: its begin, or its end. Nothing: not yet.
  std::optional<Instant> when(const Happening& happening, bool at_its_end);
  Result expect(const ExpectAnnouncement& announcement);
  Result expect(const ExpectStore& store);
  /// Sends it; fails where it asks for what the target has not told yet.
  Result send(const FrameSpec& frame);
  Result judge_retransmission(FrameId request, const TimeWindow& within);
  Result settle();
  /// The longest that nothing may complete once everything is healed.
  Duration standstill_max() const;
  Result check_store();
  Result check_stated(std::uint64_t lba, MutableBytes bytes);
  Result check_always();

  /// Keeps for the record when something had to come, and did; nothing: it did not.
  void keep_due(std::string what, Instant since, Duration least, Duration most,
                std::optional<Instant> came);
  Failure fail(std::string expected, std::string actual, std::vector<FrameId> frames = {}) const;
  Failure fail_for_certain(std::string expected, std::string actual,
                           std::vector<FrameId> frames = {}) const;
  Failure fail_data(std::string expected, const WrongData& wrong);
  std::string doubt() const;
  bool is_always(Check check) const;
  Load& start(const IoStep& step);
  bool is_up(Address device) const;
  /// Nothing more can come of it: the world has ended, or the run is told to end.
  bool is_over() const;
  /// The world's run_until(), that ends with the world, too, and on the way notes when the device
  /// comes and goes.
  bool wait(const std::function<bool()>& done, Instant deadline);
  Symbols symbols() const;
  /// Longer than anything should take.
  Instant patience() const;
  /// How long it takes for silence to be an answer.
  Duration silence() const;

  const Scenario& scenario_;
  World& world_;
  FaultControl faults_;
  const Ledger& ledger_;
  Exchanges& exchanges_;
  Random random_;
  DiskHistory history_;
  AtWork at_work_;
  std::list<Load> loads_;
  RawExchanges raw_;
  Mark mark_;         // of the step that runs,
  std::string rule_;  // and what a failure of it is filed under
  std::vector<StepRecord> steps_;
  std::vector<DueRecord> dues_;
  Instant last_io_;
  Instant last_heal_;
  bool up_ = false;          // the device, and
  Instant changed_;          // since when
  std::string unsupported_;  // what the world, or the implementation, can't do
  bool wrong_data_told_ = false;
  std::map<std::uint64_t, std::vector<std::uint8_t>> stated_;  // sectors that are to hold this
  std::vector<std::string> notes_;
};

}  // namespace aoe::harness
