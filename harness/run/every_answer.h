// What AoEr11 asks of every answer, judged in all answers of a case, whatever its scenario is about.
//
// Sees frames as the target's end of the link has them, so that no fault is charged to the target.
// What it finds doesn't make the case fail: a run has a case of its own for each clause that any
// answer broke (commands/run_scenarios.cc), so that one wrong field is not told with each scenario.
// Answers to requests whose reserved fields, version or flags nobody may send are not judged: the
// text says nothing of them. Memory is bounded, and an answer that is well costs no allocation.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/judge/answer_rules.h"
#include "harness/judge/finding.h"
#include "harness/judge/tracker.h"
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
  /// Places for the tags of those; several tags may share one.
  static constexpr std::size_t tag_places = std::size_t{1} << 20;

  struct Request {
    FrameId id = 0;
    std::uint64_t key = 0;
    Mac target;  // the target's address as the request arrived
    std::vector<std::uint8_t> bytes;
  };
  struct Broken {
    Finding first;
    std::uint64_t answers = 0;
  };

  void arrived(FrameId id, PortIndex at, Bytes frame);
  void answered(FrameId id, PortIndex from, Bytes frame);
  void charge(const Mismatch& wrong, const std::vector<FrameId>& frames);
  /// What an answer has in common with its request: the tag and, in a network of several, the client
  /// and the port of the target.
  std::uint64_t key_of(Bytes frame, const Mac& client, PortIndex target) const;
  /// Returns the request to fill in for this key: the last that had it, else a new one or, where all
  /// are in use, the oldest.
  Request& place_for(std::uint64_t key);
  static std::size_t place_of(std::uint64_t key) { return mixed(key) % tag_places; }

  const Scenario& scenario_;
  World& world_;
  const Ledger& ledger_;
  std::vector<Request> requests_;  // the last of each key; once there are requests_kept, a ring
  std::size_t oldest_ = 0;         // of that
  FrameMap<std::size_t> by_key_;   // indices of requests_
  std::vector<bool> forgotten_;    // whether such a tag may have been; empty: no request has been
  std::uint64_t headless_ = 0;     // requests that ended before their headers did,
  std::uint64_t headless_refused_ =
      0;  // and errors with tags of no request, which may be about them
  std::map<std::string, Broken, std::less<>> broken_;  // by clause
  std::set<RequestKind> answered_kinds_;
};

}  // namespace aoe::harness
