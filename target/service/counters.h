// What a target has done, in numbers: plain values, kept by Service, shown by reports.
//
// Each plain counter is named once, in lun_counters, port_counters or edge_counters: sums, the JSON
// of `ctl`, the tables of `ctl stats` and the metrics of Prometheus all go through these lists.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/latency_histogram.h"
#include "proto/reject.h"
#include "target/lun/lun.h"
#include "wire/frame_port.h"

namespace aoe::target {

/// What a LUN has done.
struct LunCounters {
  std::uint64_t requests = 0;    // for it
  std::uint64_t replies = 0;     // handed to a port, whatever they said
  std::uint64_t aoe_errors = 0;  // replies with flag E
  std::uint64_t ata_errors = 0;  // replies whose ATA status is an error
  std::uint64_t reads = 0;       // operations that its store did, failed ones included
  std::uint64_t writes = 0;
  std::uint64_t flushes = 0;
  std::uint64_t trims = 0;
  std::uint64_t verifies = 0;
  std::uint64_t bytes_read = 0;  // by operations that succeeded
  std::uint64_t bytes_written = 0;
  std::uint64_t store_errors = 0;                       // operations that failed
  std::uint64_t state_errors = 0;                       // what was set could not be made stable
  std::uint64_t announcements = 0;                      // frames
  std::uint64_t delayed = 0;                            // requests: by a limit
  std::uint64_t dropped_limit = 0;                      // requests: too far beyond a limit
  std::uint64_t dropped_busy = 0;                       // requests: too many in flight
  std::uint64_t dropped_memory = 0;                     // requests: no memory for them
  std::uint64_t dropped_port = 0;                       // replies: their port was forgotten
  std::uint64_t foreign_answers = 0;                    // responses of another target for it
  std::array<std::uint64_t, silence_count> silences{};  // requests, by Silence
  LatencyHistogram latency;

  /// Counts a reply by what it says.
  void count(const ReplyReady& reply) {
    ++replies;
    aoe_errors += reply.verdict == Verdict::aoe_error;
    ata_errors += reply.verdict == Verdict::ata_error;
  }
  void add(const LunCounters& other);
  /// Subtracts what these were earlier.
  void subtract(const LunCounters& earlier);
  /// Returns how many requests a mask list or the administrator's rules left unanswered.
  std::uint64_t not_admitted() const {
    return silences[static_cast<std::size_t>(Silence::source_denied)] +
           silences[static_cast<std::size_t>(Silence::source_masked)];
  }
  bool operator==(const LunCounters&) const = default;
};

/// What became of frames that no LUN counts.
struct EdgeCounters {
  std::uint64_t responses = 0;                      // received and ignored (flag R)
  std::uint64_t not_addressed = 0;                  // for other LUNs
  std::uint64_t wildcards_dropped = 0;              // see fan_outs.h
  std::uint64_t wildcards_refused = 0;              // see Wildcards
  std::uint64_t out_of_memory = 0;                  // dropped: an allocation has failed
  std::array<std::uint64_t, rule_count> rejects{};  // by Rule; answered with an error or not

  void add(const EdgeCounters& other);
  void subtract(const EdgeCounters& earlier);
  bool operator==(const EdgeCounters&) const = default;
};

/// How one counter is shown.
template <typename Counters>
struct CounterField {
  std::string_view json;    // its key in the JSON of `ctl`
  std::string_view metric;  // for Prometheus: aoe_target_lun_METRIC_total, aoe_target_port_…
  std::string_view help;    // for Prometheus
  std::string_view column;  // its heading in `ctl stats`; not shown there where empty
  std::uint64_t Counters::*value;
};

/// In the order in which they are shown. Fields of one column are added up there; a column that
/// begins with "MB-" shows bytes.
inline constexpr std::array<CounterField<LunCounters>, 20> lun_counters{{
    {"requests", "requests", "Requests for the LUN", "requests", &LunCounters::requests},
    {"replies", "replies", "Replies to them", "", &LunCounters::replies},
    {"reads", "reads", "Reads of the store", "reads", &LunCounters::reads},
    {"writes", "writes", "Writes to the store", "writes", &LunCounters::writes},
    {"flushes", "flushes", "Flushes of the store", "flushes", &LunCounters::flushes},
    {"trims", "trims", "Trims of the store", "trims", &LunCounters::trims},
    {"verifies", "verifies", "Verifications of the store", "", &LunCounters::verifies},
    {"bytes_read", "read_bytes", "Bytes read", "MB-read", &LunCounters::bytes_read},
    {"bytes_written", "written_bytes", "Bytes written", "MB-written", &LunCounters::bytes_written},
    {"aoe_errors", "aoe_errors", "Replies with an AoE error", "errors", &LunCounters::aoe_errors},
    {"ata_errors", "ata_errors", "Replies with an ATA error", "errors", &LunCounters::ata_errors},
    {"store_errors", "store_errors", "Operations that the store failed", "",
     &LunCounters::store_errors},
    {"state_errors", "state_errors", "Settings that could not be made stable", "",
     &LunCounters::state_errors},
    {"announcements", "announcements", "Announcements sent", "", &LunCounters::announcements},
    {"delayed", "delayed", "Requests delayed by a limit", "delayed", &LunCounters::delayed},
    {"dropped_limit", "dropped_limit", "Requests dropped, being too far beyond a limit",
     "over-limit", &LunCounters::dropped_limit},
    {"dropped_busy", "dropped_busy", "Requests dropped, too many being in flight", "busy",
     &LunCounters::dropped_busy},
    {"dropped_memory", "dropped_memory", "Requests dropped for want of memory", "no-memory",
     &LunCounters::dropped_memory},
    {"dropped_port", "dropped_port", "Replies dropped, their port being gone", "no-port",
     &LunCounters::dropped_port},
    {"foreign_answers", "foreign_answers", "Responses of another target for its address", "foreign",
     &LunCounters::foreign_answers},
}};

inline constexpr std::array<CounterField<PortCounters>, 4> port_counters{{
    {"received", "received_frames", "Frames received", "received", &PortCounters::received},
    {"sent", "sent_frames", "Frames sent", "sent", &PortCounters::sent},
    {"receive_dropped", "receive_dropped_frames", "Frames lost before they were read", "lost",
     &PortCounters::receive_dropped},
    {"send_dropped", "send_dropped_frames", "Frames that could not be sent", "unsent",
     &PortCounters::send_dropped},
}};

inline constexpr std::array<CounterField<EdgeCounters>, 5> edge_counters{{
    {"responses", "responses", "Responses received and ignored", "responses",
     &EdgeCounters::responses},
    {"not_addressed", "not_addressed", "Requests for LUNs that are not here", "others",
     &EdgeCounters::not_addressed},
    {"wildcards_dropped", "wildcards_dropped",
     "Requests with a wildcard dropped while an earlier one of their source was answered", "",
     &EdgeCounters::wildcards_dropped},
    {"wildcards_refused", "wildcards_refused", "Requests that may have no wildcard", "",
     &EdgeCounters::wildcards_refused},
    {"out_of_memory", "out_of_memory", "Requests dropped because an allocation failed", "",
     &EdgeCounters::out_of_memory},
}};

inline void LunCounters::add(const LunCounters& other) {
  for (const auto& field : lun_counters) this->*field.value += other.*field.value;
  for (std::size_t i = 0; i < silences.size(); ++i) silences[i] += other.silences[i];
  for (std::size_t i = 0; i < latency.counts.size(); ++i) {
    latency.counts[i] += other.latency.counts[i];
  }
  latency.sum += other.latency.sum;
}

inline void LunCounters::subtract(const LunCounters& earlier) {
  for (const auto& field : lun_counters) this->*field.value -= earlier.*field.value;
  for (std::size_t i = 0; i < silences.size(); ++i) silences[i] -= earlier.silences[i];
  for (std::size_t i = 0; i < latency.counts.size(); ++i) {
    latency.counts[i] -= earlier.latency.counts[i];
  }
  latency.sum -= earlier.latency.sum;
}

inline void EdgeCounters::subtract(const EdgeCounters& earlier) {
  for (const auto& field : edge_counters) this->*field.value -= earlier.*field.value;
  for (std::size_t i = 0; i < rejects.size(); ++i) rejects[i] -= earlier.rejects[i];
}

inline void EdgeCounters::add(const EdgeCounters& other) {
  for (const auto& field : edge_counters) this->*field.value += other.*field.value;
  for (std::size_t i = 0; i < rejects.size(); ++i) rejects[i] += other.rejects[i];
}

}  // namespace aoe::target
