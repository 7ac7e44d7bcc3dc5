// The steps of a scenario: one struct a word, with all that the harness knows of it but how it is
// played.
//
// read() checks the arguments of `word` in the step's mapping and fills in defaults; words() is one line for a person; draw() shows what
// passes between the two ends; plays_initiator() says whether the initiator has a part in it. A new
// word is a struct here and its functions and a row of the table in steps.cc, an overload of play()
// in run/play_step.cc, and a definition in scenarios/scenario.schema.json. `expect` has a header of
// its own: expect_step.h.
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

class StepLadder;

/// `discover`: asks until the device is up.
struct DiscoverStep {
  Address expect;
  Duration within{};
  bool found = true;  // else it must not come up for so long

  static DiscoverStep read(YamlMap& step, const std::string& word, StepNames& names);
  std::string words() const;
  void draw(StepLadder& ladder) const;
  bool plays_initiator() const { return true; }
};

enum class IoOperation : std::uint8_t { read, write, mixed, flush, trim };

/// `io`: starts requests of the initiator; `expect: {io: …}` waits for their end.
struct IoStep {
  std::string id;
  IoOperation operation = IoOperation::read;
  std::optional<std::uint64_t> lba;   // none: of the seed
  std::uint32_t count = 8;            // sectors a request
  std::optional<std::uint64_t> span;  // sectors: anywhere in so many from `lba` on, and again
  std::uint32_t requests = 1;
  std::uint32_t depth = 1;  // outstanding at once

  static IoStep read(YamlMap& step, const std::string& word, StepNames& names);
  std::string words() const;
  void draw(StepLadder& ladder) const;
  bool plays_initiator() const { return true; }
};

/// `warmup`: reads until the round trip is known.
struct WarmupStep {
  IoStep reads;

  static WarmupStep read(YamlMap& step, const std::string& word, StepNames& names);
  std::string words() const;
  void draw(StepLadder& ladder) const;
  bool plays_initiator() const { return true; }
};

/// `arm`: from now on the fault strikes.
struct ArmStep {
  FaultSpec fault;

  static ArmStep read(YamlMap& step, const std::string& word, StepNames& names);
  std::string words() const;
  void draw(StepLadder& ladder) const;
  bool plays_initiator() const { return false; }
};

/// `heal`: these faults strike no more.
struct HealStep {
  std::vector<std::string> ids;

  static HealStep read(YamlMap& step, const std::string& word, StepNames& names);
  std::string words() const;
  void draw(StepLadder& ladder) const;
  bool plays_initiator() const { return false; }
};

/// `wait`: lets time pass.
struct WaitStep {
  Duration time{};

  static WaitStep read(YamlMap& step, const std::string& word, StepNames& names);
  std::string words() const;
  void draw(StepLadder& ladder) const;
  bool plays_initiator() const { return false; }
};

/// `says`: the target says other things of itself from now on.
struct SaysStep {
  Says says{};
  bool announce = false;  // and sends an announcement

  static SaysStep read(YamlMap& step, const std::string& word, StepNames& names);
  std::string words() const;
  void draw(StepLadder& ladder) const;
  bool plays_initiator() const { return true; }
};

/// `open` and `close`: the device has one user more, or one less.
struct HoldStep {
  bool open = true;

  static HoldStep read(YamlMap& step, const std::string& word, StepNames& names);
  std::string words() const;
  void draw(StepLadder& ladder) const;
  bool plays_initiator() const { return true; }
};

/// `send`: a raw frame enters the link.
struct SendStep {
  FrameSpec frame;

  static SendStep read(YamlMap& step, const std::string& word, StepNames& names);
  std::string words() const;
  void draw(StepLadder& ladder) const;
  bool plays_initiator() const { return frame.direction == Direction::to_initiator; }
};

/// `identify`, `config`, `mask`, `reserve`, `ask`: a request and its answer.
struct QueryStep {
  Query query;

  static QueryStep read(YamlMap& step, const std::string& word, StepNames& names);
  std::string words() const;
  void draw(StepLadder& ladder) const;
  bool plays_initiator() const { return false; }
};

/// `alive`: a query that is asked until the target answers.
struct AliveStep {
  std::optional<Duration> within;  // none: the longest timeout there is

  static AliveStep read(YamlMap& step, const std::string& word, StepNames& names);
  std::string words() const;
  void draw(StepLadder& ladder) const;
  bool plays_initiator() const { return false; }
};

/// `advertised`: the scenario goes on only where IDENTIFY says that the disk has these.
struct AdvertisedStep {
  std::vector<Feature> features;

  static AdvertisedStep read(YamlMap& step, const std::string& word, StepNames& names);
  std::string words() const;
  void draw(StepLadder& ladder) const;
  bool plays_initiator() const { return false; }
};

/// `scapy`: a Python program plays on the initiator's side.
struct ScapyStep {
  std::string script;  // a path; relative ones are seen from the scenario's folder
  std::vector<std::string> arguments;
  bool success = true;
  Duration within = std::chrono::seconds(10);

  static ScapyStep read(YamlMap& step, const std::string& word, StepNames& names);
  std::string words() const;
  void draw(StepLadder& ladder) const;
  bool plays_initiator() const { return true; }
};

struct Step {
  Mark mark;
  std::string word;  // "io", "expect"
  std::string text;  // its arguments, in one line: "{id: a, op: read, lba: 0}"
  using What =
      std::variant<WaitStep, DiscoverStep, WarmupStep, ArmStep, HealStep, IoStep, ExpectStep,
                   SaysStep, HoldStep, SendStep, QueryStep, ScapyStep, AliveStep, AdvertisedStep>;
  What what;

  /// Throws YamlError.
  static Step read(const YAML::Node& node, StepNames& names);
  /// In words: "reads 32 sectors at lba 0".
  std::string words() const;
};

}  // namespace aoe::harness
