// The requests and replies of a capture, of any number of initiators and targets: matches them,
// keeps an account of each device, and reports what AoEr11 does not allow.
//
// Nobody knows what was lost on which side of the capture, how an initiator reckons its timeouts,
// or what a target holds. So a finding rests on what the frames themselves show: a device's
// buffers, sectors, capacity, config string, mask list and reservation are what it said last. Where
// a capture misses frames, as its replies without requests show (orphans.h), what rests on frames
// that it may have missed is left out. What a reply says to its request is judged by reply_rules.h.
//
// A request is settled when the tracker forgets it, or at the end: whether it was answered, sent
// again or lost. Memory does not grow with the capture. Fed in the order of the capture, by
// CaptureCheck.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "harness/judge/capture_notes.h"
#include "harness/judge/devices.h"
#include "harness/judge/finding_list.h"
#include "harness/judge/orphans.h"
#include "harness/judge/reply_rules.h"
#include "harness/judge/requests_by_tag.h"
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

  /// All of them outlive it. `stations` may grow; what is found is added to `findings`.
  /// `folder`: see RecordStore.
  Dialogue(Ledger& ledger, const std::vector<Station>& stations, FindingList& findings,
           CaptureNotes& notes, std::string folder)
      : ledger_(ledger),
        stations_(stations),
        findings_(findings),
        notes_(notes),
        devices_(stations),
        orphans_(ledger, notes),
        outstanding_(std::move(folder)) {}

  /// Returns the request to which the frame is the first answer; none for any other frame.
  std::optional<FrameId> see(const Seen& seen) {
    first_answer_to_.reset();
    seen.frame.response ? reply(seen) : request(seen);
    return first_answer_to_;
  }
  /// The capture is over: requests that are unanswered stay so.
  void finish(Instant end);

  const std::vector<DeviceAccount>& devices() const { return devices_.accounts(); }
  const RecordStore<Outstanding>& outstanding() const { return outstanding_; }
  /// Requests that wait for an answer.
  std::size_t waiting() const { return tracker_.open(); }

 private:
  using DeviceId = Devices::Id;
  static constexpr DeviceId no_device = Devices::none;

  /// A request, beside what the tracker and the ledger hold.
  struct Asked {
    FrameId id = 0;
    Instant sent{};
    Address address{};
    std::uint32_t tag = 0;
    StationId source = 0;
    StationId destination = 0;
    std::uint8_t kind = 0;  // of its command: CCmd, MCmd, RCmd
    bool may_be_silent = false;
    bool is_answered_early = false;  // by a reply that stands before it
    DeviceId device = no_device;
    std::optional<Reject> reject{};
    std::optional<FrameId> answer{};  // the first
    bool is_doubtful = false;         // it may be another client's
    bool sets_config = false;         // and it is not over yet
    unsigned sectors_max = 255;       // what was advertised when it was sent
    std::optional<FrameId> repeated_by{};
  };
  /// A request that makes more wait at a device than it has buffers, if those that wait really do.
  struct Crowd {
    FrameId request;
    DeviceId device;
    std::uint16_t buffers;
    std::vector<FrameId> waiting;
  };

  void request(const Seen& seen);
  void reply(const Seen& given);
  void settle(Asked& asked, Tracker::Index index, Instant end);
  void judge_unread(const Seen& seen, Tracker::Request& request);
  void learn(const Seen& seen, const Asked* asked);
  void learn_identity(const LedgerEntry& entry, const AtaReply& reply, DeviceAccount& device);
  /// Fills in the request; returns its question (see Tracker).
  std::uint64_t describe_request(const Seen& seen, Asked& asked);
  void check_window(const LedgerEntry& entry, DeviceId device, Tracker::Remote window);
  void judge_crowd(const Crowd& crowd);
  void set_may_change(const LedgerEntry& entry, Asked& asked);
  void end_set(Asked& asked);
  /// The request that a reply answers, as far as the capture tells; null: none.
  struct Match {
    Tracker::Request* request = nullptr;
    bool is_certain = true;  // else another client's request would do, too
  };
  /// The request whose tag a reply has. Takes note of a reply that belongs to none, or to another
  /// client.
  Match request_of(const Seen& seen);
  /// The same where it was sent in another VLAN, from the address to which the reply goes: mirror
  /// ports may show one direction tagged and the other not. Null: there is none.
  Tracker::Request* request_in_other_vlan(const Seen& seen);
  /// The same where the capture does not say to whom the reply goes. Each client with such a request
  /// gets an answer before any gets a second one.
  Match request_of_any_client(const Seen& seen);
  /// May the reply, by its command, address and time, answer the request?
  bool fits(const Seen& seen, const Tracker::Request& request) const;
  void add_orphan(const Seen& seen, RuleName rule, std::string text,
                  std::optional<FrameId> meant = std::nullopt);

  DeviceId device(Address address, std::optional<StationId> station);
  /// How many answers of that device there were to a request that another one answered first.
  std::uint32_t& more_answers(Tracker::Index index, DeviceId device);
  /// The device that a request is for, as far as it is known.
  DeviceId device_of(Address address, const Asked& asked);
  /// The window of an initiator at a device.
  Tracker::Remote window_of(StationId source, DeviceId device);
  /// May several targets have received what was sent there?
  bool is_group(StationId station) const {
    return station == no_station || stations_[station].mac.is_multicast();
  }
  std::string name(FrameId id) const { return ledger_.summary(id); }
  void note_outstanding(Instant now, std::size_t count);
  void report(RuleName rule, std::string text, std::vector<FrameId> frames,
              std::string_view clause = {}) {
    findings_.add(make_finding(rule, std::move(text), std::move(frames), clause));
  }
  /// Adds the findings at the end, unless the capture misses frames.
  void report_unless_missed(RuleName rule, std::string text, std::vector<FrameId> frames) {
    doubtful_.add(make_finding(rule, std::move(text), std::move(frames)));
  }

  Ledger& ledger_;
  const std::vector<Station>& stations_;
  FindingList& findings_;
  CaptureNotes& notes_;
  Devices devices_;
  Orphans orphans_;
  Tracker tracker_{ledger_, Tracker::capture};
  std::vector<Asked> asked_;  // by Tracker::Index
  RequestsByTag by_tag_;
  std::unordered_map<Tracker::Index, std::string> strings_;                    // of config requests
  std::map<std::pair<Tracker::Index, DeviceId>, std::uint32_t> more_answers_;  // of other devices
  std::uint32_t uncounted_answers_ = 0;  // of devices of which more_answers_ has no room
  FrameMap<Tracker::Remote> windows_;    // by initiator and device
  std::vector<std::uint64_t> answers_;   // by Tracker::Remote
  std::deque<Crowd> crowds_;
  std::uint64_t crowds_found_ = 0;
  FindingList unanswered_{findings_.limit()};
  FindingList crowded_{findings_.limit()};
  FindingList doubtful_{findings_.limit()};  // they rest on frames that were not missed
  RecordStore<Outstanding> outstanding_;
  std::uint64_t requests_ = 0;
  std::uint64_t replies_ = 0;
  std::uint64_t asked_again_ = 0;  // requests with tag and question of one that was answered
  std::optional<FrameId> first_answer_to_;  // of the frame that is seen
  Duration round_trip_max_{};
};

}  // namespace aoe::harness
