// Requests and answers in a capture, of any number of initiators and targets: which reply answers
// which request, which request repeats another, and what of that AoEr11 does not allow.
//
// Exchanges (link/exchanges.h) judges a link whose two ends and faults are known. Here nobody knows
// what was lost on which side of the capture, how an initiator reckons its timeouts, or what a
// target holds, so only what the frames themselves show is held against anybody: a target's
// buffers, sectors, capacity, config string, mask list and reservation are what it said last.
//
// A request is known by its source and tag, a device by its station and address. Fed in the order
// of the capture, by CaptureCheck.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/judge/finding.h"
#include "harness/link/flat_map.h"
#include "harness/link/ledger.h"
#include "proto/frame.h"

namespace aoe::harness {

/// A network card in a network: its place in a list.
using StationId = std::uint16_t;

struct Station {
  Mac mac;
  std::uint16_t vlan = 0;  // 0: none
  bool operator==(const Station&) const = default;
};

/// A target's disk at one station, and what came of the requests for it.
struct DeviceAccount {
  Address address;
  std::optional<StationId> station;  // none: whoever it was, nothing came from it
  std::uint64_t requests = 0;
  std::uint64_t answered = 0;
  std::uint64_t unanswered = 0;     // and not repeated either
  std::uint64_t retransmitted = 0;  // requests that repeat another
  std::uint64_t duplicates = 0;     // answers too many
  std::uint64_t pending = 0;        // the capture ended too soon to tell
  std::uint64_t announcements = 0;
  std::map<std::string, std::uint64_t> errors{};  // "error 6 (target is reserved)", "ATA error 04"
  std::vector<Duration> round_trips{};            // of requests that were sent once
  std::uint32_t outstanding = 0;                  // ATA commands of one initiator, at most
  std::optional<std::uint16_t> buffers{};         // advertised last
  std::optional<std::uint8_t> sectors{};
  std::optional<std::uint64_t> capacity{};  // sectors, as IDENTIFY has it
};

class Dialogue {
 public:
  /// A question that waits for longer is not reckoned with any more.
  static constexpr Duration patience = std::chrono::seconds(60);

  struct Seen {
    LedgerEntry& entry;
    const Frame& frame;
    Bytes bytes;
    StationId source = 0;
    StationId destination = 0;
    bool is_cut = false;  // what is missing is zero
  };
  /// How many ATA commands of all initiators wait for an answer, from a time on.
  struct Outstanding {
    Instant at;
    std::uint32_t count;
  };
  using Tell = std::function<void(Finding&&)>;

  /// Both outlive it. `stations` may grow.
  Dialogue(Ledger& ledger, const std::vector<Station>& stations, Tell tell)
      : ledger_(ledger), stations_(stations), tell_(std::move(tell)) {}

  void see(const Seen& seen);
  /// The capture is over: what is unanswered stays so.
  void finish(Instant end);

  const std::vector<DeviceAccount>& devices() const { return devices_; }
  const std::vector<Outstanding>& outstanding() const { return outstanding_; }
  /// The first answer to a request.
  std::optional<FrameId> answer_to(FrameId request) const;

 private:
  using Place = std::uint32_t;  // of a request among all
  using DeviceId = std::uint32_t;
  static constexpr DeviceId no_device = ~DeviceId{};

  struct Request {
    FrameId id = 0;
    Instant sent{};
    StationId source = 0;
    StationId destination = 0;
    Address address{};
    std::uint8_t command = 0;
    std::uint8_t kind = 0;  // of its command: CCmd, MCmd, RCmd
    std::uint8_t sectors = 0;
    ata::Opcode opcode{};
    std::uint64_t lba = 0;
    std::uint64_t question = 0;  // what it asks for, and of whom, as a number
    std::optional<Reject> reject{};
    DeviceId device = no_device;
    std::uint32_t copies = 1;  // transmissions with this tag
    std::uint32_t answers = 0;
    std::optional<FrameId> answer{};  // the first
    bool repeated = false;            // by another transmission
    bool may_be_silent = false;
    bool waits = false;  // in its device's window
  };
  /// What a device is known to hold, beside its account.
  struct Knowledge {
    std::optional<std::string> config{};
    bool config_may_change = false;
    std::optional<std::vector<Mac>> mask{};
    std::optional<std::vector<Mac>> reserved{};
  };
  struct NumberHash {
    std::size_t operator()(std::uint64_t number) const { return mixed(number); }
  };
  using Places = FlatMap<std::uint64_t, Place, NumberHash>;

  void request(const Seen& seen);
  void reply(const Seen& seen);
  void learn(const Seen& seen, const Request* request);
  Request describe_request(const Seen& seen);
  void repeat(Request& request, Place before, const Seen& seen);
  void open(Request& request, Place place);
  void close(Request& request, Instant now);
  void check_window(const Request& request);
  void set_may_change(const Request& request);

  // What a reply says to its request.
  void judge_answer(const Seen& seen, const Request& request, DeviceId device);
  void judge_unread(const Seen& seen, Request& request);
  void judge_error(const Seen& seen, const Request& request, ErrorCode code);
  void judge_ata(const Seen& seen, const Request& request, const AtaReply& reply, DeviceId device);
  void judge_config(const Seen& seen, const Request& request, const ConfigReply& reply);
  /// The one that the tag belongs to; tells of replies that belong to nobody, or to another.
  Request* request_of(const Seen& seen);

  DeviceId device(Address address, std::optional<StationId> station);
  /// The device that a request is for, as far as that is known.
  DeviceId device_of(const Request& request);
  bool is_group(StationId station) const { return stations_[station].mac.is_multicast(); }
  std::string name(FrameId id) const { return ledger_.summary(id); }
  void tell(RuleName rule, std::string text, std::vector<FrameId> frames,
            std::string_view clause = {});

  Ledger& ledger_;
  const std::vector<Station>& stations_;
  const Tell tell_;
  std::vector<Request> requests_;
  Places by_tag_;      // the latest of a source
  Places by_any_tag_;  // the latest of anybody
  Places by_frame_;
  Places open_;  // the latest transmission of what is unanswered, by question
  std::unordered_map<FrameId, std::string> strings_;                  // of config requests
  std::map<std::pair<Place, DeviceId>, std::uint32_t> more_answers_;  // of other devices
  std::map<std::pair<StationId, DeviceId>, std::vector<Place>> windows_;
  std::vector<DeviceAccount> devices_;
  std::vector<Knowledge> knowledge_;  // of devices_
  std::vector<Outstanding> outstanding_;
  std::uint32_t open_count_ = 0;
  Duration round_trip_max_{};
};

}  // namespace aoe::harness
