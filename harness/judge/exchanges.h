// The judge of an initiator's requests and their replies: did either end break a check that holds
// for every run?
//
// Judges frames alone, without any state of either end, so it judges any implementation. Seen at
// the initiator's side. What it learns of a frame is noted in the frame's ledger entry: its
// retransmission timeout, what it answers or repeats. Called for each of its frames by the fault
// stage or, where there are several initiators, by their Parties (parties.h), and by the world when the initiator gives up or its port changes. Allocates nothing per frame; a
// reply to a request that the tracker has forgotten is looked up in the ledger.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/judge/finding.h"
#include "harness/judge/tracker.h"
#include "harness/link/fault_stage.h"
#include "harness/link/ledger.h"
#include "harness/link/rto_model.h"

namespace aoe::harness {

class Exchanges final : public LinkObserver {
 public:
  /// Findings of a check beyond these are only counted.
  static constexpr std::size_t findings_kept = 100;

  /// `window`: the most requests that may be unanswered at a remote whose config replies have not
  /// said its Buffer Count. `most`: upper bound on the window, even if the Buffer Count is larger.
  /// `client`: the initiator; other frames of the ledger are none of its.
  Exchanges(Ledger& ledger, std::uint16_t window,
            RtoModel::Profile profile = RtoModel::Profile::rfc6298, std::uint16_t most = UINT16_MAX,
            NodeIndex client = initiator_node)
      : ledger_(ledger),
        client_(client),
        window_(std::min(window, most)),
        most_(most),
        profile_(profile) {}

  /// How far the time at which a frame is seen may be from the time at which it was sent; 0 at
  /// first.
  void allow(Duration slack) { slack_ = slack; }

  void sent(LedgerEntry& entry, Bytes bytes, const Frame& frame) override;
  void delivered(LedgerEntry& entry, PortIndex to, Instant now) override;
  void delivered_config(const Frame& frame, PortIndex to, Instant now) override;
  void delivered_altered(const LedgerEntry& entry, const Frame& frame, PortIndex to,
                         Instant now) override;

  /// The initiator has given up on the device: its unanswered requests stay unanswered, late
  /// answers to them are no samples, and round trips are measured from the beginning.
  void abandon(Address address);
  /// The initiator's port went away, or came back as another: unanswered requests may be sent again
  /// at once, and take no room in a window until then.
  void port_changed(Instant now);

  /// The checks that were broken, in order: the first findings_kept of each check.
  const std::vector<Finding>& findings() const { return findings_; }
  /// How often a check was broken.
  std::uint64_t count(Check check) const { return counts_[static_cast<std::size_t>(check)]; }
  std::uint64_t retransmissions() const { return tracker_.retransmissions(); }

  /// Of the remote that the last request went to.
  Duration rto() const { return last_model().rto(1); }
  Duration srtt() const { return last_model().srtt(); }

  /// Requests that wait for an answer.
  std::size_t open() const { return tracker_.open(); }
  std::uint16_t window() const { return window_; }

 private:
  using Request = Tracker::Request;
  /// Where requests are sent: a device at a MAC address. Two devices at one address have buffers
  /// (§3.2) and round trips of their own.
  struct Remote {
    Mac mac;
    Address address;
    RtoBound model;
    Duration rto_identified = Duration::max();  // when it last said who it is
    // The Buffer Count of its last config reply, which arrived at `buffers_since`, and of the one
    // before, which counts as long as the last one may not have been received.
    std::optional<std::uint16_t> buffers{};
    std::optional<std::uint16_t> buffers_before{};
    Instant buffers_since{};
    // The fewest sectors that it was asked for in one and then in pieces, and the last such piece.
    std::size_t divided = std::numeric_limits<std::size_t>::max();
    FrameId last_piece = 0;
  };

  void request_sent(LedgerEntry& entry, const Frame& frame);
  void reply_sent(LedgerEntry& entry, const Frame& frame);
  /// `reply`: null for one that arrives altered.
  void answered(std::uint32_t tag, LedgerEntry* reply, Instant now);
  /// May the initiator take the frame for an answer to this request?
  bool is_answer(const Frame& frame, const Request& request) const;

  Tracker::Remote remote(const Mac& mac, Address address);
  RtoBound last_model() const;
  /// The most requests that may wait at a remote now.
  std::uint16_t window_of(const Remote& remote, Instant now) const;
  /// The latest request with the tag among those that the tracker has forgotten.
  std::optional<FrameId> find_forgotten(std::uint32_t tag) const;

  /// Was it too early, when `entry` was sent, to take a transmission before it for lost?
  bool must_wait(const LedgerEntry& entry, const LedgerEntry& before,
                 unsigned attempt_before) const;
  /// Has a remote answered an IDENTIFY that was sent after this request, before frame `end`?
  bool is_identified_since(const LedgerEntry& request, Tracker::Remote remote, FrameId end) const;
  /// May the request be over without an answer to this transmission, so that what asks for the same is
  /// another one? An earlier transmission was answered, or it was asked for in pieces since, before
  /// frame `end`.
  bool may_be_done(const LedgerEntry& request, FrameId end) const;
  /// The first arrival of an answer to a request that was sent after this one, before frame `end`.
  const LedgerEntry* overtaken_by(const LedgerEntry& request, FrameId end) const;
  void check_window(const LedgerEntry& entry, Tracker::Remote remote);
  /// Does the disk of a remote answer at another address, too?
  bool has_other_address(const Remote& remote) const;
  void close_divided(Tracker::Remote remote);
  void check_answer(LedgerEntry& entry, FrameId request, std::uint64_t answers,
                    std::uint64_t arrivals);
  /// Is the reply, whose tag no request has, the refusal of a frame that ended before its header did?
  /// Such a frame may be refused (AoEr11 §2), and the tag may be what it lacks. Counts it then.
  bool refuses_headless(const LedgerEntry& reply);
  void check_answerer(const LedgerEntry& entry, const Frame& frame, const Request& request);

  /// Counts a finding, and keeps it if it is one of the first.
  void report(Check check, std::string actual, std::vector<FrameId> frames);
  /// "#17 (e1.1 READ lba 2+2 tag 8000a3c1)"
  std::string name(FrameId id) const;

  Ledger& ledger_;
  const NodeIndex client_;
  Tracker tracker_{ledger_, Tracker::live};
  const std::uint16_t window_;
  const std::uint16_t most_;
  const RtoModel::Profile profile_;
  Duration slack_{};
  Instant port_changed_ = Instant::min();
  std::vector<Remote> remotes_;  // by Tracker::Remote
  std::unordered_multimap<std::uint64_t, Tracker::Remote> remotes_by_key_;
  Tracker::Remote last_remote_ = 0;
  // By address: the questions since its last config reply that ask who it is.
  FrameMap<std::vector<std::uint64_t>> identifies_;
  std::vector<std::uint32_t> excused_tags_;  // that a fault has made up
  std::uint64_t headless_refused_ = 0;       // frames that ended before their headers did
  std::vector<Finding> findings_;
  std::array<std::uint64_t, check_count> counts_{};
};

}  // namespace aoe::harness
