// A scenario as a typed tree: what a YAML file says, checked, with defaults filled in.
//
// scenarios/README.md lists the words there are, and what each means.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "harness/language/network.h"
#include "harness/language/rules.h"
#include "harness/language/steps.h"
#include "initiator/engine/parameters.h"

namespace aoe::harness {

/// A node that is wrong on purpose (world/mutant.h). The reader does not know which behaviours
/// exist; selftest/mutants.h checks that.
struct MutantSpec {
  NodeIndex node = 0;
  std::string behaviour;
  Mark mark{};  // of the behaviour, for complaints
};

struct Givens {
  std::chrono::seconds deadsecs{5};
  std::uint16_t maxout = 128;
  std::uint16_t mtu = 1500;
  Duration rtt = std::chrono::microseconds(200);
  initiator::Profile profile = initiator::Profile::rfc6298;  // how our initiator keeps time
  std::optional<std::chrono::seconds> clock{};  // that monotonic clocks show as it begins
  bool early_retransmission = false;            // does it repeat what others have overtaken?
  std::set<std::string> names{};     // of these that the scenario gives: "deadsecs", "maxout"
  bool late_duplicates_fail = true;  // a copy of a write that overwrites a newer one is wrong data
};

/// `explore`: what of a scenario is left to chance, to be drawn from a seed (run/draw.h).
struct ExploreSpec {
  std::uint32_t requests = 500;  // in all,
  std::uint32_t rounds = 4;      // in so many loads, one after another
  std::uint32_t at_once = 3;     // faults armed at a time, at most
  std::vector<std::string> faults;
  bool topology = false;  // the network, its nodes and all steps are drawn, too (draw_network.h)
};
/// The faults that an exploration draws from where it names none: all that strike frames.
const std::vector<std::string>& explored_faults();
/// Those that it may name, and that one of the topology draws from: some that happen to an end, too.
const std::vector<std::string>& drawn_faults();

/// One variant of what a file says.
struct Scenario {
  Mark mark;  // where it begins
  std::string file;
  std::string id;    // "reads[count=8,mtu=9000]"
  std::string name;  // "reads"
  std::string title;
  std::vector<std::string> clauses;  // by id, all of them in the catalogue (clauses.h)
  std::optional<Level> level;        // by default the strictest of its clauses
  std::vector<std::string> tags;
  std::vector<std::string> worlds;  // it is meant for: all, where empty
  std::vector<std::string> needs;   // `requires`: what the implementation under test must have
  std::string yaml;                 // all of it, with the matrix filled in; reads the same again
  Network network = Network::of_two();
  std::optional<MutantSpec> mutant;  // in the sim world only
  std::string must_fail;  // what its first failure says, for it to pass (run/must_fail.h)
  Givens given;
  std::optional<std::uint64_t> seed;   // whatever the run's is
  std::optional<ExploreSpec> explore;  // what is to be drawn before it can be run
  std::vector<Step> steps;
  std::vector<Check> always;       // by default all of them
  std::optional<Duration> settle;  // finally.within: until all I/O is resolved; nothing: derived

  // What steps are about where they name nothing else: the first target, and its first LUN.
  TargetRole& target() { return network.nodes[network.first(Node::Role::target)].target; }
  const TargetRole& target() const {
    return network.nodes[network.first(Node::Role::target)].target;
  }
  Lun& lun() { return target().luns.front(); }
  const Lun& lun() const { return target().luns.front(); }
  Disk& disk() { return network.disks[lun().disk]; }
  const Disk& disk() const { return network.disks[lun().disk]; }
  /// Is the mutant a target? Precondition: there is one.
  bool mutant_is_target() const { return network.nodes[mutant->node].role == Node::Role::target; }
};

/// Returns whether the initiator has a part in it. Where all frames are spelt by hand and only
/// their answers are awaited, it has none, and there is no initiator in the world.
bool plays_initiator(const Scenario& scenario);

/// Reads a file: one scenario or several (YAML documents), each in all variants of its matrix. The
/// error is one line: "x.yaml: No such file or directory", "x.yaml:14:5: …".
tl::expected<std::vector<Scenario>, std::string> load_scenarios(const std::string& path);
/// Reads text; `name` stands for the file in messages.
tl::expected<std::vector<Scenario>, std::string> parse_scenarios(const std::string& text,
                                                                 const std::string& name);
/// Reads text that holds exactly one scenario.
tl::expected<Scenario, std::string> parse_scenario(const std::string& text,
                                                   const std::string& name);

}  // namespace aoe::harness
