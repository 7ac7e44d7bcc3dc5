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
