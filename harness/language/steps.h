// The steps of a scenario: one struct a word, with what the step says.
//
// A new word is a struct here, its functions and a row of the table in steps.cc, an overload of
// play() in run/play_step.cc, and a definition in scenarios/scenario.schema.json. `expect` has a
// header of its own: expect_step.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "harness/language/expect_step.h"
#include "harness/language/fault_spec.h"
#include "harness/language/frame_spec.h"
#include "harness/language/says.h"
#include "harness/language/step_names.h"

namespace aoe::harness {

// `by` is the node that does it, and `to` the disk that it does it to; by default the first of each.

/// `discover`: asks until the device is up.
struct DiscoverStep {
  NodeIndex by = initiator_node;
  Address expect;
  Duration within{};
  bool found = true;  // else it must not come up for so long
};

enum class IoOperation : std::uint8_t { read, write, mixed, flush, trim };

/// `io`: starts requests of the initiator; `expect: {io: …}` waits for their end.
struct IoStep {
  std::string id;
  NodeIndex by = initiator_node;
  Device to;
  IoOperation operation = IoOperation::read;
  std::optional<std::uint64_t> lba;   // none: of the seed
  std::uint32_t count = 8;            // sectors a request
  std::optional<std::uint64_t> span;  // sectors: anywhere in so many from `lba` on, and again
  std::uint32_t requests = 1;
  std::optional<std::uint32_t> requests_in_sim;  // there, in place of `requests`
  std::uint32_t depth = 1;                       // outstanding at once
};

/// `warmup`: reads until the round trip is known.
struct WarmupStep {
  IoStep reads;
};

/// `arm`: from now on the fault strikes.
struct ArmStep {
  FaultSpec fault;
};

/// `heal`: these faults strike no more.
struct HealStep {
  std::vector<std::string> ids;
};

/// `wait`: lets time pass.
struct WaitStep {
  Duration time{};
};

/// `says`: the target says other things of itself from now on.
struct SaysStep {
  NodeIndex by = target_node;
  Says says{};
  bool announce = false;  // and sends an announcement
};

/// `open` and `close`: the device has one user more, or one less.
struct HoldStep {
  bool open = true;
  NodeIndex by = initiator_node;
  Device to;
};

/// `send`: a raw frame enters the link.
struct SendStep {
  FrameSpec frame;
};

/// `identify`, `config`, `mask`, `reserve`, `ask`: a request and its answer.
struct QueryStep {
  Query query;
};

/// `alive`: a query that is asked until the target answers.
struct AliveStep {
  NodeIndex by = initiator_node;
  Device to;
  std::optional<Duration> within;  // none: the longest timeout there is
};

/// `advertised`: the scenario goes on only where IDENTIFY says that the disk has these.
struct AdvertisedStep {
  std::vector<Feature> features;
};

/// `scapy`: a Python program plays on the initiator's side.
struct ScapyStep {
  NodeIndex by = initiator_node;  // on its side
  std::string script;             // a path; relative ones are seen from the scenario's folder
  std::vector<std::string> arguments;
  bool success = true;
  Duration within = std::chrono::seconds(10);
};

/// `kill`, `start`, `promote` and `demote`: a target ends at once with all that it had not made
/// stable, or comes back; one that stands by begins to serve, or ends in good order and stands by.
struct PowerStep {
  enum class What : std::uint8_t { kill, start, promote, demote };
  What what = What::kill;
  NodeIndex target = target_node;
};

/// What the user of an initiator has to do (run/passive_case.h).
struct Awaited {
  std::string prompt;   // "now write something to e1.1 (60s)"
  std::string missing;  // where it was not done: "nothing was written within 60s"
};

struct Step {
  Mark mark;
  std::string word;  // "io", "expect"
  std::string by;    // who does it or whom it befalls, where the step says so: "i2"
  std::string text;  // its arguments, in one line: "{id: a, op: read, lba: 0}"
  using What = std::variant<WaitStep, DiscoverStep, WarmupStep, ArmStep, HealStep, IoStep,
                            ExpectStep, SaysStep, HoldStep, SendStep, QueryStep, ScapyStep,
                            AliveStep, AdvertisedStep, PowerStep>;
  What what;
  std::optional<Awaited> awaited{};  // it waits for a person, and fails for want of what that does
};

/// Checks the step's arguments, and fills in defaults. Throws YamlError.
Step read_step(const YAML::Node& node, StepNames& names);
/// One line for a person: "io a: read 32 sectors at lba 0".
std::string words(const Step& step);
/// Draws what passes between the two ends.
void draw(const Step& step, StepLadder& ladder);
/// Has the initiator a part in it?
bool plays_initiator(const Step& step);

}  // namespace aoe::harness
