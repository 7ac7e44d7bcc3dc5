// A scenario as a typed tree: what a YAML file says, checked, with defaults filled in.
//
// scenarios/README.md lists the words there are, and what each means. Nothing that is read here can
// lead to what a run could not tell: two I/Os at work on the same sectors would make the same frame
// a repetition or a request of its own, so that is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <tl/expected.hpp>

#include "harness/faults/fault.h"
#include "harness/scenario/time_window.h"
#include "proto/address.h"

namespace aoe::harness {

struct TargetRole {
  Address address{1, 1};
  std::uint16_t buffers = 16;
  std::uint64_t sectors = 0;
  bool fill_pattern = true;  // else zeros
};

struct Givens {
  std::chrono::seconds deadsecs{5};
  std::uint16_t maxout = 128;
  std::uint16_t mtu = 1500;
  Duration rtt = std::chrono::microseconds(200);
};

struct DiscoverStep {
  Address expect;
  Duration within{};
};

enum class IoOperation : std::uint8_t { read, write, mixed, flush };

struct IoStep {
  std::string id;
  IoOperation operation = IoOperation::read;
  std::optional<std::uint64_t> lba;  // none: of the seed
  std::uint32_t count = 8;           // sectors a request
  std::uint32_t requests = 1;
  std::uint32_t depth = 1;  // outstanding at once
};

struct WarmupStep {
  IoStep reads;
};

struct ArmStep {
  FaultSpec fault;
};

struct HealStep {
  std::vector<std::string> ids;
};

struct WaitStep {
  Duration time{};
};

struct ExpectIo {
  std::string id;
  bool success = true;
  std::optional<Duration> within;
};

struct ExpectDevice {
  bool up = true;
  TimeWindow within;
};

struct ExpectRetransmit {
  std::string fault;
  TimeWindow within;
};

struct ExpectHits {
  std::string fault;
  std::uint64_t least = 1;
};

struct ExpectStep {
  std::optional<ExpectIo> io;
  std::optional<ExpectDevice> device;
  std::optional<ExpectRetransmit> retransmit;
  std::optional<ExpectHits> hits;
};

struct Step {
  Mark mark;
  std::variant<DiscoverStep, WarmupStep, ArmStep, HealStep, IoStep, WaitStep, ExpectStep> what;
};

enum class Check : std::uint8_t {
  data_integrity,
  no_unasked_reply,
  tag_unique_in_flight,
  window_respected,
  no_early_retransmit,
};
/// Its name, and the rule that it stands for: "window-respected: no more requests are …".
std::string_view text(Check check);
std::string_view rule(Check check);

struct Scenario {
  std::string file;
  std::string id;
  std::string title;
  std::vector<std::string> clauses;
  TargetRole target;
  Givens given;
  std::vector<Step> steps;
  std::vector<Check> always;                   // all of them, unless told
  Duration settle = std::chrono::seconds(10);  // finally.within: until all I/O is resolved
};

/// Reads a file. The error is one line: "x.yaml: No such file or directory", "x.yaml:14:5: …".
tl::expected<Scenario, std::string> load_scenario(const std::string& path);
/// The same from text; `name` stands for the file in messages.
tl::expected<Scenario, std::string> parse_scenario(const std::string& text,
                                                   const std::string& name);

}  // namespace aoe::harness
