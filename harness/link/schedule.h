// What the faults of a run decided, frame by frame: enough to repeat the run without chance. The
// file schedule.yaml holds the decisions together with the run that they are of.
//
// A decision names its frame by what the frame asks for, and by how many such frames its fault had
// met since it was armed. So it finds the frame again when times, tags and the frames between
// differ: in a second run, in another world, or without some of the other decisions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "harness/language/selector.h"

namespace aoe::harness {

/// What a fault did to a frame.
struct Deed {
  bool dropped = false;
  bool changed = false;      // its bytes, as the fault's keys say
  std::uint32_t copies = 0;  // in addition to the frame itself
  Duration spread{};         // of each copy behind the one before
  Duration delay{};

  bool operator==(const Deed&) const = default;
};

/// What a fault recognizes a frame by.
struct FrameKey {
  Direction direction{};
  Subject subject{};
  std::uint64_t nth = 1;  // of such frames that the fault met since it was armed
  // Where there are more than two nodes, which they are; else 0.
  NodeIndex from = 0;
  NodeIndex to = 0;

  bool operator==(const FrameKey&) const = default;
};

struct Decision {
  std::string fault;  // by id
  FrameKey key;
  Deed deed;
  std::uint64_t frame = 0;  // its number in the ledger, for people

  bool operator==(const Decision&) const = default;
};

/// "drop of read e1.1 lba 2+2 to-target, the 1st (loss)"
std::string describe(const Decision& decision);

struct Schedule {
  std::string scenario;  // its whole text, in YAML
  std::uint64_t seed = 0;
  std::string world;    // "sim", "veth"
  std::string sut;      // the implementation under test
  std::string peer{};   // the program that played the other role; empty: our engines
  std::string failure;  // the rule that was broken first; empty where the run passed
  std::vector<Decision> decisions;
};

/// A run with more decisions than this keeps no schedule.
inline constexpr std::size_t decisions_max = 1'000'000;

std::string to_yaml(const Schedule& schedule);
/// The error is one line: "schedule.yaml:14:5: …".
tl::expected<Schedule, std::string> parse_schedule(const std::string& text,
                                                   const std::string& name);
tl::expected<Schedule, std::string> load_schedule(const std::string& path);

}  // namespace aoe::harness
