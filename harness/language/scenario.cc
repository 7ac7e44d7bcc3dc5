#include "harness/language/scenario.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"

namespace aoe::harness {
namespace {

std::string_view word(Happening::Kind kind) {
  switch (kind) {
    case Happening::Kind::retransmit: return "retransmit";
    case Happening::Kind::reply: return "reply";
    case Happening::Kind::io: return "io";
  }
  AOE_CHECK(false && "a kind without a word");
}

}  // namespace

std::string describe(const Happening& happening) {
  return fmt::format("{}({})", word(happening.kind), happening.of);
}

std::string describe(const ExpectOutstanding& outstanding) {
  std::string text = fmt::format("at most {} outstanding request{}", outstanding.most,
                                 outstanding.most == 1 ? "" : "s");
  if (outstanding.from) text += " from " + describe(*outstanding.from);
  if (outstanding.until) text += " until " + describe(*outstanding.until);
  return text;
}

std::string_view text(Check check) {
  const std::string_view rule_text = rule(check);
  return rule_text.substr(0, rule_text.find(':'));
}

std::string_view rule(Check check) {
  switch (check) {
    case Check::data_integrity:
      return "data-integrity: reads return, and the store holds, what was written and acknowledged";
    case Check::no_unasked_reply:
      return "no-unasked-reply: a target answers what reached it, each copy at most once (AoEr11 "
             "§2)";
    case Check::tag_unique_in_flight:
      return "tag-unique-in-flight: requests that wait for answers have different tags (AoEr11 §2)";
    case Check::window_respected:
      return "window-respected: no more requests wait than the target has buffers, or maxout "
             "allows "
             "(AoEr11 §3.2)";
    case Check::reserved_zero:
      return "reserved-zero: fields that are reserved are sent as zero (AoEr11 §2, §3)";
    case Check::no_early_retransmit:
      return "no-early-retransmit: no request is repeated before its timeout "
             "(profile/rexmit-timeout)";
    case Check::flushed_survives:
      return "flushed-survives: what was acknowledged before a flush is there after the target was "
             "killed (AoEr11 §3.1)";
    case Check::liveness: return "liveness: once everything is healed, all I/O is resolved in time";
  }
  AOE_CHECK(false && "a check without a rule");
}

bool plays_initiator(const Scenario& scenario) {
  struct Plays {
    bool operator()(const SendStep& step) const {
      return step.frame.direction == Direction::to_initiator;
    }
    bool operator()(const ExpectStep& step) const {
      const bool of_frames = step.reply || step.replies || step.announcement || step.store;
      return !of_frames || step.io || step.device || step.retransmit || step.outstanding;
    }
    bool operator()(const QueryStep&) const { return false; }
    bool operator()(const AliveStep&) const { return false; }
    bool operator()(const AdvertisedStep&) const { return false; }
    bool operator()(const ArmStep&) const { return false; }
    bool operator()(const HealStep&) const { return false; }
    bool operator()(const WaitStep&) const { return false; }
    bool operator()(const DiscoverStep&) const { return true; }
    bool operator()(const WarmupStep&) const { return true; }
    bool operator()(const IoStep&) const { return true; }
    bool operator()(const SaysStep&) const { return true; }
    bool operator()(const HoldStep&) const { return true; }
    bool operator()(const ScapyStep&) const { return true; }
  };
  return scenario.explore || std::ranges::any_of(scenario.steps, [](const Step& step) {
           return std::visit(Plays{}, step.what);
         });
}

}  // namespace aoe::harness
