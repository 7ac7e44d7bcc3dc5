// The requests and replies of a capture, of any number of initiators and targets: matches them,
// keeps an account of each device, and reports what AoEr11 does not allow.
//
// Nobody knows what was lost on which side of the capture, how an initiator reckons its timeouts,
// or what a target holds. So a finding rests on what the frames themselves show: a device's
// buffers, sectors, capacity, config string, mask list and reservation are what it said last. What
// a reply says to its request is judged by reply_rules.h. Fed in the order of the capture, by
// CaptureCheck.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "harness/judge/finding.h"
#include "harness/judge/reply_rules.h"
#include "harness/judge/tracker.h"
#include "harness/link/ledger.h"
#include "proto/frame.h"

namespace aoe::harness {

class Dialogue {
 public:
  struct Seen {
    LedgerEntry& entry;
    const Frame& frame;
    Bytes bytes;
    StationId source = 0;
    StationId destination = 0;
    bool is_cut = false;  // missing bytes are zero
  };
  /// How many ATA commands of all initiators wait for an answer, from a time on.
  struct Outstanding {
    Instant at;
    std::uint32_t count;
  };

  /// All three outlive it. `stations` may grow; what is found is added to `findings`.
  Dialogue(Ledger& ledger, const std::vector<Station>& stations, std::vector<Finding>& findings)
      : ledger_(ledger), stations_(stations), findings_(findings) {}

  void see(const Seen& seen) { seen.frame.response ? reply(seen) : request(seen); }
  /// The capture is over: requests that are unanswered stay so.
  void finish(Instant end);

  const std::vector<DeviceAccount>& devices() const { return devices_; }
  const std::vector<Outstanding>& outstanding() const { return outstanding_; }
  /// The first answer to a request.
  std::optional<FrameId> answer_to(FrameId request) const;

 private:
  using DeviceId = std::uint32_t;
  static constexpr DeviceId no_device = ~DeviceId{};

  /// A request, beside what the tracker and the ledger hold.
  struct Asked {
    StationId source = 0;
    StationId destination = 0;
    std::uint8_t kind = 0;  // of its command: CCmd, MCmd, RCmd
    bool may_be_silent = false;
    DeviceId device = no_device;
    std::optional<Reject> reject{};
    std::optional<FrameId> answer{};  // the first
  };

  void request(const Seen& seen);
  void reply(const Seen& seen);
  void judge_unread(const Seen& seen, Tracker::Request& request);
  void learn(const Seen& seen, const Asked* asked);
  void learn_identity(const LedgerEntry& entry, const AtaReply& reply, DeviceAccount& device);
  /// Fills in the request; returns its question (see Tracker).
  std::uint64_t describe_request(const Seen& seen, Asked& asked);
  void check_window(const LedgerEntry& entry, DeviceId device, Tracker::Remote window);
  void set_may_change(const LedgerEntry& entry, const Asked& asked);
  /// The request whose tag a reply has. Reports a reply that belongs to none, or to another client.
  Tracker::Request* request_of(const Seen& seen);
  std::optional<Tracker::Index> find(FrameId request) const;

  DeviceId device(Address address, std::optional<StationId> station);
  /// The device that a request is for, as far as it is known.
  DeviceId device_of(Address address, const Asked& asked);
  /// The window of an initiator at a device.
  Tracker::Remote window_of(StationId source, DeviceId device);
  bool is_group(StationId station) const { return stations_[station].mac.is_multicast(); }
  std::string name(FrameId id) const { return ledger_.summary(id); }
  void note_outstanding(Instant now, std::size_t count);
  void report(RuleName rule, std::string text, std::vector<FrameId> frames,
              std::string_view clause = {}) {
    findings_.push_back(make_finding(rule, std::move(text), std::move(frames), clause));
  }

  Ledger& ledger_;
  const std::vector<Station>& stations_;
  std::vector<Finding>& findings_;
  Tracker tracker_{ledger_, Tracker::capture};
  std::vector<Asked> asked_;                          // by Tracker::Index
  FrameMap<Tracker::Index> by_any_tag_;               // the latest request of any initiator
  std::unordered_map<FrameId, std::string> strings_;  // of config requests
  std::map<std::pair<Tracker::Index, DeviceId>, std::uint32_t> more_answers_;  // of other devices
  std::map<std::pair<StationId, DeviceId>, Tracker::Remote> windows_;
  std::vector<DeviceAccount> devices_;
  std::vector<Outstanding> outstanding_;
  Duration round_trip_max_{};
};

}  // namespace aoe::harness
