// What came of a run, as plain data: what run.json holds, what every report is made of, and all
// that a case's process hands to the one that started it.
//
// run_case() fills a CaseRecord; the writers beside this header only read. Frames are in the
// case's ledger.jsonl, and only those that a failure is about are here, with their bytes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/bytes.h"
#include "base/instant.h"

namespace aoe::harness {

/// What came of one case. A skip is no pass, and a pass that took several tries is none either.
enum class Outcome : std::uint8_t {
  passed,
  failed,
  flaky,             // of several tries some passed and some failed
  inconclusive,      // this machine, or this world, could not tell
  unsupported,       // the implementation or the world has no such thing, and said so
  broken,            // the world, the program under test or the harness itself gave out
  expected_failure,  // it failed as the expectation file says
  unexpected_pass,   // it passed, and the expectation file says that it fails
};
inline constexpr std::size_t outcomes = 8;
/// "PASS", "FAIL", "FLAKY", "INCONCLUSIVE", "UNSUPPORTED", "ERROR", "XFAIL", "XPASS".
std::string_view text(Outcome outcome);

/// A frame in the ladder of a failure.
struct LadderLine {
  Duration at{};            // since the run began
  std::uint64_t frame = 0;  // its number in the ledger
  bool to_target = true;
  std::string what;         // "e1.1 READ lba 2+2 tag 02010a3c"
  std::string fate;         // "dropped by f1", "delivered", "retransmission of #2"
  bool struck = false;      // by a fault
  bool guilty = false;      // the failure is about this very frame
  bool gap_before = false;  // frames between it and the line above are left out
  std::string bytes{};      // in hexadecimal, as it was sent; empty: the failure is not about it
  bool operator==(const LadderLine&) const = default;
};

/// A sector that does not hold what it must. Both texts are in hexadecimal.
struct SectorRecord {
  std::uint64_t lba = 0;
  std::string expected;
  std::string actual;
  bool operator==(const SectorRecord&) const = default;
};
std::string to_hex(Bytes bytes);

/// An expectation that was not met: a Finding of the case's run.
struct FailureRecord {
  std::string where;   // "scenarios/retransmit.yaml:14"
  std::string rule;    // the check's name, or the step's word: "window-respected", "retransmit"
  std::string clause;  // "3.2/31"; empty: no clause says it
  std::string field;   // "ata.status"; empty: it is about no single field
  std::string expected;
  std::string actual;
  std::vector<LadderLine> ladder;
  std::vector<SectorRecord> sectors;  // where data is wrong: the first such sector
  bool operator==(const FailureRecord&) const = default;
};

/// A step of the scenario as it was played, for drawing what was expected when.
struct StepRecord {
  Duration began{};
  Duration ended{};
  std::string where;  // file:line
  std::string word;   // "arm", "io", "expect"
  std::string text;   // in one line, as the file has it
  bool met = true;
  bool operator==(const StepRecord&) const = default;
};

/// When something had to happen, and when it did: the window that is drawn on the time axis. Times
/// are since the run began.
struct DueRecord {
  std::string where;  // file:line
  std::string what;   // "retransmission of #2", "e1.1 down"
  Duration since{};   // what it is counted from: the lost frame, the start of the I/O
  Duration earliest{};
  Duration latest{};
  std::optional<Duration> came;  // nothing: it did not
  bool met() const { return came && *came >= earliest && *came <= latest; }
  bool operator==(const DueRecord&) const = default;
};

/// How many requests were outstanding, and what was allowed, at a time. Thinned out to at most
/// `samples_max`, keeping the extremes.
struct Sample {
  Duration at{};
  std::uint32_t outstanding = 0;
  std::uint32_t window = 0;
  Duration rto{};
  bool operator==(const Sample&) const = default;
};
inline constexpr std::size_t samples_max = 2000;

/// A retransmission or a struck frame, for marks on the time axis.
struct Incident {
  Duration at{};
  std::uint64_t frame = 0;
  std::string text;  // "drop f1", "retransmission of #2"
  bool operator==(const Incident&) const = default;
};
inline constexpr std::size_t incidents_max = 1000;

struct CaseRecord {
  std::string id;  // "reads[count=8,mtu=9000]": the scenario's name and its variant
  std::string title;
  std::string file;
  std::vector<std::string> clauses;
  std::vector<std::string> tags;
  std::string level;  // "must", "should", "profile", "info"; empty: none told
  std::uint64_t seed = 0;
  Outcome outcome = Outcome::passed;
  std::string reason;  // of what is neither passed nor failed
  std::vector<FailureRecord> failures;
  std::vector<std::string> notes;  // what was measured: "retransmit +403ms in [346, 471] ms"
  unsigned tries = 1;
  unsigned tries_passed = 0;
  Duration took{};  // of the world's time
  Duration real{};
  std::uint64_t requests = 0;
  std::uint64_t frames = 0;
  std::uint64_t retransmissions = 0;
  std::uint64_t struck = 0;
  std::vector<StepRecord> steps;
  std::vector<DueRecord> dues;
  std::vector<Sample> samples;
  std::vector<Incident> incidents;
  std::string yaml;       // the scenario as it was run, variants and defaults filled in
  std::string log;        // the end of what the implementation under test said
  std::string folder;     // of the evidence, relative to the run's: "cases/reads"
  std::string reproduce;  // the command that does
  bool operator==(const CaseRecord&) const = default;
};

/// What the implementation under test was asked before a suite, to know what it has.
struct ProbeRecord {
  std::string ability{};  // as scenarios require it: "mask"
  bool has = false;
  std::string asked{};
  std::string answered{};
  bool operator==(const ProbeRecord&) const = default;
};

struct RunRecord {
  std::string version;  // of aoe-harness
  std::string started;  // "2026-11-22T16:40:00Z"
  std::uint64_t seed = 0;
  std::string world;  // "sim", "veth", "interface eth1"
  std::string sut;    // "aoe-target", "vblade {shelf} …"
  std::string sut_version;
  std::string peer;  // the program that played the other role, as `sut`; empty: our engines
  std::string peer_version;
  std::string suite;  // "target", "initiator": it is about all clauses that bind it; empty: neither
  std::uint64_t part = 1;   // of so many `parts`, each with some of the selected cases (--shard)
  std::uint64_t parts = 1;  // 1: it has all of them
  std::vector<ProbeRecord> probes;
  Duration slack{};
  std::vector<CaseRecord> cases;
  bool interrupted = false;
  std::vector<std::string> not_run;  // the ids that an interrupted run did not come to
  Duration real{};
  bool operator==(const RunRecord&) const = default;
};

using Counts = std::array<std::size_t, outcomes>;  // by Outcome
Counts count(const RunRecord& run);
/// "1 passed, 0 failed, 2 inconclusive": passed and failed always, the others where there are any.
std::string describe(const Counts& counts);

/// What run.json and case.json hold. What is no UTF-8 (in a log, a config string) becomes U+FFFD.
/// A run's has the verdicts on its clauses, too (coverage.h), which nobody reads back.
std::string to_json(const RunRecord& run);
std::string to_json(const CaseRecord& record);

/// The inverse, read to the last key: one that is missing, unknown or of another kind is an error,
/// "cases[3].took_ns: expected an integer, got a string".
inline constexpr std::size_t json_size_max = 256 << 20;
tl::expected<RunRecord, std::string> run_from_json(const std::string& json);
tl::expected<CaseRecord, std::string> case_from_json(const std::string& json);

}  // namespace aoe::harness
