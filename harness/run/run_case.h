// One case: a scenario played in a world, from nothing to a record of what came of it, with the
// evidence in a folder.
//
//   ledger.jsonl                            every frame, its cause and its fate
//   initiator-side.pcap, target-side.pcap   the two sides of the fault stage; of a case that passed,
//                                           up to captures_kept_max
//   scenario.yaml                           the scenario as it was played
//   schedule.yaml                           what the faults decided, for replay and shrink
//   trace.log                               each decision of both engines, where a sim case did not pass
//   sut.log                                 what the implementation under test printed
//   peer.log                                what the program printed that played the other role
//   repro.sh                                plays it again from this folder, wherever that is now,
//                                           and ends with what that run ends with
//   case.json                               the record itself
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/trace.h"
#include "harness/judge/parties.h"
#include "harness/judge/record.h"
#include "harness/language/implementation.h"
#include "harness/language/scenario.h"
#include "harness/link/schedule.h"
#include "harness/world/world.h"

namespace aoe::harness {

enum class WorldKind : std::uint8_t { sim, veth, interface, remote };
std::string_view text(WorldKind kind);
/// Returns the world of that name; sim for an unknown name.
WorldKind world_named(std::string_view name);
/// Returns how many cases may be played at a time with so many processors: in virtual time as many;
/// in real time, where they wait more than they work, four times that; on a real wire one, because
/// they share what answers there.
unsigned jobs_in(WorldKind world, unsigned processors);

/// Where cases are played, and against what.
struct CaseOptions {
  WorldKind world = WorldKind::sim;
  Implementation sut = our_target();     // as an engine in the sim world, which has no other
  std::optional<Implementation> peer{};  // plays the other role in real time; nothing: our engines
  std::string interface {};              // of the interface world, where what is tested answers;
                                         // of the remote world, which leads to the other machine
  std::string remote{};                  // of that: the command that leads to its far half
  bool write_ok = false;                 // there: what is tested may be written to
  std::optional<Address> at{};           // there: the disk; nothing: at the scenario's address
  /// There: the initiator is one that uses the harness's own disk, whose user has so long for each
  /// thing that a scenario waits for (passive_case.h). Nothing: what is there is a target.
  std::optional<Duration> passive{};
  /// Faults do what these decisions say and nothing else: the run repeats another.
  std::optional<std::vector<Decision>> plan;
  std::string reproduce;        // the command that does; empty: made from all this
  bool keeps_captures = false;  // of cases that pass, whatever their size

  /// Returns what does not go together: "vblade is a program: it needs --world veth"; empty if all
  /// does.
  std::string conflict() const;
  /// Returns whether real interfaces lie between the ends.
  bool is_on_wire() const { return world == WorldKind::interface || world == WorldKind::remote; }
  /// Returns whether it, or its peer, makes a process for each request.
  bool has_requests_as_processes() const;
  /// Returns whether one of our engines is tested: the sim world has no others.
  bool is_engine() const;
  /// Returns the default world for what is tested: remote where a command for that is given,
  /// interface where an interface is, sim for
  /// our engines without a peer, veth for any other program.
  WorldKind fitting_world() const;
  /// "vblade"; "what answers on eth1".
  std::string tested() const;
};

/// Makes the world that the options name; what it needs files for is in `folder`. Each decision of
/// both engines of a sim world is written to `trace`. The error says what could not be had.
tl::expected<std::unique_ptr<World>, std::string> make_world(
    const Scenario& scenario, const CaseOptions& options, const std::string& folder,
    std::uint64_t seed, FaultStage& stage, Parties& parties, const Trace& trace = {});

/// The captures of a case that passed are removed where both are longer than this, in bytes.
inline constexpr std::uintmax_t captures_kept_max = std::uintmax_t{16} << 20;

/// What a case shows of a target beside what came of it, for a run to judge as a whole.
struct Aside {
  std::vector<FailureRecord> broken;  // what its answers broke: one of each clause
  std::set<std::string> answered;  // the kinds of requests that it answered (judge/request_kind.h)
  std::string unanswered;  // the kind for want of an answer to which the case failed; or empty
  bool operator==(const Aside&) const = default;
};

/// Plays the case in this process, which enters namespaces where the world has them; so call it in
/// a child. Where something can't be had, the record says Outcome::broken and the reason. `aside`
/// gets what each answer of a target shows, whatever came of the case. Null: answers are not judged
/// one by one, which is quicker.
CaseRecord run_case(const Scenario& scenario, const CaseOptions& options, std::uint64_t seed,
                    const std::filesystem::path& folder, Aside* aside = nullptr);

/// Returns a record of a case that has not been played, with all that is known of it before.
CaseRecord case_record(const Scenario& scenario, const CaseOptions& options, std::uint64_t seed);

/// Returns the options of the command line that say so, each behind a blank: " --world veth --sut
/// vblade"; empty for our target in the sim world.
std::string played_as(const CaseOptions& options);

/// Returns a word quoted for a shell.
std::string shell_quoted(const std::string& word);

}  // namespace aoe::harness
