// `expect`: what a scenario waits for and asks for. A step may ask for several things at once.
//
// A new word is a struct here, its part of read(), words() and draw() in expect_step.cc, an overload
// of expect() in run/play_expect.cc, and a definition in scenarios/scenario.schema.json.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "harness/language/frame_spec.h"
#include "harness/language/step_names.h"
#include "harness/language/time_window.h"

namespace aoe::harness {

class StepLadder;

/// How an I/O must end; any: well or not.
enum class IoResult : std::uint8_t { error, ok, any };

struct ExpectIo {
  std::string id;
  IoResult result = IoResult::ok;
  std::optional<Duration> within;
  bool each_answered = false;  // each request that has reached the target since it began
};

struct ExpectDevice {
  bool up = true;
  NodeIndex by = initiator_node;  // as this initiator has it
  Device to;
  TimeWindow within;
};

struct ExpectRetransmit {
  std::string fault;
  TimeWindow within;
};

/// A moment that the run decides: when the first request that a fault dropped is sent again; when
/// that one is answered; when an I/O begins, or ends.
struct Happening {
  enum class Kind : std::uint8_t { retransmit, reply, io };
  Kind kind = Kind::io;
  std::string of;  // the fault or I/O
};
/// As the scenario says it: "retransmit(f1)".
std::string describe(const Happening& happening);

/// No more requests than `most` wait for an answer at once, between two moments or all the time.
struct ExpectOutstanding {
  std::uint64_t most = 0;
  NodeIndex by = initiator_node;
  std::optional<Happening> from;
  std::optional<Happening> until;
};
/// "at most 1 outstanding request from retransmit(f1) until reply(f1)"
std::string describe(const ExpectOutstanding& outstanding);

struct ExpectHits {
  std::string fault;
  std::uint64_t least = 1;
  std::uint64_t most = UINT64_MAX;
  std::optional<Duration> within;  // the least is waited for
};

/// Draws the answer that is expected, or silence.
void draw_answer(StepLadder& ladder, const ExpectReply& reply);

struct ExpectStep {
  std::optional<ExpectIo> io;
  std::optional<ExpectDevice> device;
  std::optional<ExpectRetransmit> retransmit;
  std::optional<ExpectOutstanding> outstanding;
  std::optional<ExpectHits> hits;
  std::optional<ExpectReply> reply;
  std::optional<ExpectReplies> replies;
  std::optional<ExpectAnnouncement> announcement;
  std::optional<ExpectStore> store;

  static ExpectStep read(YamlMap& map, const StepNames& names);
  std::string words() const;
  void draw(StepLadder& ladder) const;
  /// Has the initiator a part in what is awaited? Not where that is all frames, or the disk.
  bool plays_initiator() const;
};

}  // namespace aoe::harness
