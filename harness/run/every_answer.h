// What AoEr11 asks of every answer, judged in all answers of a case, whatever its scenario is about.
//
// Sees frames as the target's end of the link has them, so that no fault is charged to the target.
// What it finds doesn't make the case fail: a run has a case of its own for each clause that any
// answer broke (commands/run_scenarios.cc), so that one wrong field is not told with each scenario.
// Answers to requests whose reserved fields, version or flags nobody may send are not judged: the
// text says nothing of them.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "harness/judge/answer_rules.h"
#include "harness/judge/finding.h"
#include "harness/world/world.h"

namespace aoe::harness {

class EveryAnswer {
 public:
  /// The rule that its findings are filed under.
  static constexpr std::string_view rule = "every-answer";

  /// Watches the target's end of the world as long as it lives.
  EveryAnswer(const Scenario& scenario, World& world, const Ledger& ledger);
  EveryAnswer(const EveryAnswer&) = delete;
  EveryAnswer& operator=(const EveryAnswer&) = delete;
  ~EveryAnswer();

  /// One for each clause that was broken: the first answer that broke it, and how many did.
  std::vector<Finding> findings() const;
  /// The kinds of requests that were answered.
  const std::set<RequestKind>& answered_kinds() const { return answered_kinds_; }

 private:
  /// Requests beyond these are known by their tags alone.
  static constexpr std::size_t requests_kept = 4096;

  struct Request {
    FrameId id = 0;
    Mac target;             // the target's address as the request arrived
    bool is_judged = true;  // its answers are
    std::vector<std::uint8_t> bytes;
  };
  struct Broken {
    Finding first;
    std::uint64_t answers = 0;
  };

  void arrived(FrameId id, Bytes frame);
  void answered(FrameId id, Bytes frame);
  void charge(const Mismatch& wrong, const std::vector<FrameId>& frames);

  const Scenario& scenario_;
  World& world_;
  const Ledger& ledger_;
  std::unordered_map<std::uint32_t, Request> requests_;  // by tag: the last that had it
  std::deque<std::uint32_t> order_;                      // of their tags
  std::unordered_set<std::uint32_t> forgotten_;          // tags
  std::uint64_t headless_ = 0;  // requests that ended before their headers did,
  std::uint64_t headless_refused_ =
      0;  // and errors with tags of no request, which may be about them
  std::map<std::string, Broken, std::less<>> broken_;  // by clause
  std::set<RequestKind> answered_kinds_;
};

}  // namespace aoe::harness
