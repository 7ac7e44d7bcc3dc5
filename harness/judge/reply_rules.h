// What a reply in a capture may say to its request, by what its device has said before.
//
// Pure; called by Dialogue for each first answer, before it learns from the reply.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/judge/finding.h"
#include "harness/judge/round_trips.h"
#include "harness/link/ledger.h"
#include "proto/frame.h"

namespace aoe::harness {

/// A network card in a network: its index in a list.
using StationId = std::uint16_t;
/// Where a capture does not hold the address.
inline constexpr StationId no_station = 0xffff;

struct Station {
  Mac mac;
  std::uint16_t vlan = 0;  // 0: none
  bool operator==(const Station&) const = default;
};

/// A device at one station: what came of the requests for it, and what it said last.
struct DeviceAccount {
  Address address;
  std::optional<StationId> station;  // none: no frame came from it
  std::uint64_t requests = 0;
  std::uint64_t answered = 0;
  std::uint64_t unanswered = 0;     // and not repeated either
  std::uint64_t retransmitted = 0;  // requests that repeat another
  std::uint64_t duplicates = 0;     // answers too many
  std::uint64_t pending = 0;        // the capture ended before they could be answered
  std::uint64_t announcements = 0;
  std::map<std::string, std::uint64_t> errors{};  // "error 6 (target is reserved)", "ATA error 04"
  RoundTrips round_trips{};                       // of requests that were sent once
  std::uint32_t outstanding = 0;                  // ATA commands of one initiator, at most
  bool answers_as_asked = false;                  // requests to its own station, or to all
  std::optional<std::uint16_t> buffers{};
  std::optional<std::uint8_t> sectors{};
  std::optional<std::uint64_t> capacity{};  // sectors, as IDENTIFY has it
  std::optional<std::string> config{};      // the config string
  bool config_may_change = false;           // a request that sets it is on its way
  std::optional<std::vector<Mac>> mask{};
  std::optional<std::vector<Mac>> reserved{};

  /// The most sectors of a request: its Sector Count, where 0 stands for 2.
  unsigned sectors_max() const { return sectors == 0 ? 2 : sectors.value_or(255); }
};

/// A reply, and the request that it answers.
struct Answered {
  const LedgerEntry& request;
  std::uint8_t kind;                    // of the request's command: CCmd, MCmd, RCmd
  const std::optional<Reject>& reject;  // why decode() refuses the request
  std::string_view string;              // of a config request
  unsigned sectors_max;                 // advertised when it was sent, or since
  const Mac& client;
  const DeviceAccount& device;
  const LedgerEntry& reply;
  const Body& body;
  bool is_cut = false;  // the capture holds less of the reply than there was
};

struct ReplyFindings {
  std::vector<Finding> certain;
  std::vector<Finding> doubtful;  // rest on what the device has said: missed frames may excuse it
};
/// The rules that a reply breaks. `ledger`: names its frames.
ReplyFindings judge_answered(const Answered& answered, const Ledger& ledger);

/// Is a MAC address in the list?
bool is_listed(const std::vector<Mac>& list, const Mac& mac);
bool is_success(const AtaReply& reply);

}  // namespace aoe::harness
