// The passive lint of a capture: fed with its frames in order, it judges each by itself
// (frame_rules.h) and with those before it (dialogue.h), and ends with a report.
//
// Owns all that is known of the capture. Does no I/O except that of its Ledger, which puts older
// frames of a long capture into a file. Knows neither who made the capture nor where, so frames
// that are not in it may have been sent.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/judge/dialogue.h"
#include "harness/judge/finding.h"
#include "harness/judge/record.h"
#include "harness/link/ledger.h"

namespace aoe::harness {

/// A frame as a capture has it.
struct CapturedFrame {
  Duration time{};                // since the epoch
  Bytes bytes;                    // from the Ethernet header on
  std::size_t original_size = 0;  // on the wire: more, where the capture cut it
};

/// An Ethernet frame without its VLAN tags.
struct Untagged {
  Bytes bytes;
  std::size_t original_size = 0;
  std::uint16_t vlan = 0;  // the inner one; 0: none
  bool is_tagged = false;
  bool is_aoe = false;
};
/// `room` holds the bytes of a frame that had tags.
Untagged untag(const CapturedFrame& frame, std::vector<std::uint8_t>& room);

struct CaptureCounts {
  std::uint64_t frames = 0;
  std::uint64_t aoe = 0;
  std::uint64_t tagged = 0;    // AoE in VLANs
  std::uint64_t cut = 0;       // AoE frames that the capture holds only the beginning of
  std::uint64_t unjudged = 0;  // of those: shorter than can be judged
  std::uint64_t requests = 0;
  std::uint64_t replies = 0;
};

class CaptureCheck {
 public:
  /// `folder`: where the file of a very long capture's ledger is made; empty: no file.
  explicit CaptureCheck(std::string folder = {});

  void add(const CapturedFrame& frame);
  /// Called after the last frame. Sorts the findings by their frames.
  void finish();

  const CaptureCounts& counts() const { return counts_; }
  Duration span() const { return end_ - ledger_.origin(); }
  const std::vector<Finding>& findings() const { return findings_; }
  const std::vector<DeviceAccount>& devices() const { return dialogue_.devices(); }
  const std::vector<Dialogue::Outstanding>& outstanding() const { return dialogue_.outstanding(); }
  const Station& station(StationId id) const { return stations_[id]; }
  /// Stations that sent requests, in the order of their first.
  std::vector<Station> initiators() const;

  const Ledger& ledger() const { return ledger_; }
  std::optional<FrameId> answer_to(FrameId request) const { return dialogue_.answer_to(request); }
  /// The frame's number in the capture, from 1, counting frames that are not AoE.
  std::uint64_t number(FrameId id) const { return numbers_[id]; }
  /// Its source and its destination.
  std::pair<StationId, StationId> ends(FrameId id) const { return ends_[id]; }
  Duration at(FrameId id) const { return ledger_[id].sent - ledger_.origin(); }
  /// What became of it, as far as the capture shows: "answered by 18 after 212us".
  std::string fate(FrameId id) const;
  /// These frames, and those that led to the last of them.
  std::vector<LadderLine> ladder(const std::vector<FrameId>& frames) const;
  /// All frames.
  std::vector<LadderLine> ladder() const;

 private:
  StationId station_of(const Mac& mac, std::uint16_t vlan);
  LadderLine line(FrameId id) const;

  Ledger ledger_;
  std::vector<Station> stations_;
  std::unordered_map<std::uint64_t, StationId> station_ids_;
  std::vector<bool> asks_;  // by StationId
  std::vector<std::uint64_t> numbers_;
  std::vector<std::pair<StationId, StationId>> ends_;  // by FrameId: source and destination
  std::vector<Finding> findings_;
  Dialogue dialogue_;
  CaptureCounts counts_;
  std::optional<Duration> first_;
  Instant end_;
  std::vector<std::uint8_t> untagged_;
  std::vector<std::uint8_t> whole_;
};

}  // namespace aoe::harness
