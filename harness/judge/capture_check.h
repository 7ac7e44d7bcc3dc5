// The passive lint of a capture: fed with its frames in order, it judges each by itself
// (frame_rules.h) and with those before it (dialogue.h), and ends with a report.
//
// Owns all that is known of the capture. Does no I/O except that of its Ledger and its like, which
// put older frames of a long capture into a file. Knows neither who made the capture nor where, so
// frames that are not in it may have been sent; capture_notes.h says what it is like.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/judge/capture_notes.h"
#include "harness/judge/copies.h"
#include "harness/judge/dialogue.h"
#include "harness/judge/finding_list.h"
#include "harness/judge/record.h"
#include "harness/link/ledger.h"

namespace aoe::harness {

/// A frame as a capture has it.
struct CapturedFrame {
  Duration time{};                // since the epoch
  Bytes bytes;                    // from the Ethernet header on
  std::size_t original_size = 0;  // on the wire: more, where the capture cut it
  bool has_destination = true;    // else the capture has left it out
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

struct CaptureCheckOptions {
  std::string folder{};            // for the files of a very long capture's frames; empty: no files
  std::size_t findings_kept = 0;   // of a rule and level; 0: all
  bool leaves_out_copies = false;  // of a capture that has all frames twice
};

class CaptureCheck {
 public:
  explicit CaptureCheck(const CaptureCheckOptions& options = {});

  void add(const CapturedFrame& frame);
  /// Counts a frame of a link type that can't be read.
  void add_unreadable();
  /// Frames that the program which captured them says it lost.
  void set_dropped(std::uint64_t frames) { notes_.dropped = frames; }
  /// Calls `see` for each finding as soon as it is certain: at the latest in finish().
  void watch(std::function<void(const Finding&)> see) { findings_.watch(std::move(see)); }
  /// Do frames wait for it to be seen whether all are there twice? They do until a second of the
  /// capture has shown enough of both directions.
  bool holds() const { return !held_.empty(); }
  /// Judges them by what was seen so far. Called when a second has passed since they came.
  void release_held() {
    if (holds()) release();
  }
  /// Called after the last frame. Sorts the findings by their frames.
  void finish();

  const CaptureCounts& counts() const { return counts_; }
  const CaptureNotes& notes() const { return notes_; }
  Duration span() const { return end_ - ledger_.origin(); }
  const FindingList& findings() const { return findings_; }
  /// Requests that wait for an answer.
  std::size_t waiting() const { return dialogue_.waiting(); }
  const std::vector<DeviceAccount>& devices() const { return dialogue_.devices(); }
  const RecordStore<Dialogue::Outstanding>& outstanding() const { return dialogue_.outstanding(); }
  const Station& station(StationId id) const { return stations_[id]; }
  /// Stations that sent requests, in the order of their first.
  std::vector<Station> initiators() const;

  const Ledger& ledger() const { return ledger_; }
  /// The first answer to a request.
  std::optional<FrameId> answer_to(FrameId request) const;
  /// The frame's number in the capture, from 1, counting frames that are not AoE.
  std::uint64_t number(FrameId id) const { return marks_[id].number; }
  /// Its source and its destination.
  std::pair<StationId, StationId> ends(FrameId id) const {
    return {marks_[id].source, marks_[id].destination};
  }
  Duration at(FrameId id) const { return ledger_[id].sent - ledger_.origin(); }
  /// What became of it, as far as the capture shows: "answered by 18 after 212us".
  std::string fate(FrameId id) const;
  /// These frames, and those that led to the last of them.
  std::vector<LadderLine> ladder(const std::vector<FrameId>& frames) const;
  /// All frames.
  std::vector<LadderLine> ladder() const;

 private:
  /// What is known of a frame beside its ledger entry.
  struct Mark {
    std::uint64_t number;        // in the capture
    std::uint32_t answer_after;  // the first answer to it is so many entries after it; 0: none
    StationId source;
    StationId destination;
  };
  /// An AoE frame on its way to be judged.
  struct Arrival {
    std::uint64_t number;
    Instant at;
    std::size_t captured_size;  // with VLAN tags, on the wire
    Untagged untagged;
    bool has_destination;
  };
  /// One of the first, which wait until it is known whether all are there twice.
  struct Held {
    Arrival arrival;
    std::vector<std::uint8_t> bytes;
    unsigned copy_number;  // see Copies
  };

  Instant instant_of(Duration time);
  void hold(const Arrival& arrival);
  CopyCounts counts_with_held() const;
  void release();
  void judge(const Arrival& arrival);
  StationId station_of(const Mac& mac, std::uint16_t vlan);
  std::string mac_text(StationId id) const;
  LadderLine line(FrameId id) const;

  Ledger ledger_;
  std::vector<Station> stations_;
  std::unordered_map<std::uint64_t, StationId> station_ids_;
  std::vector<bool> asks_;   // by StationId
  RecordStore<Mark> marks_;  // by FrameId
  FindingList findings_;
  CaptureNotes notes_;
  Dialogue dialogue_;
  Copies copies_;
  CopyCounts copy_counts_;  // of the frames that decide, without those that are held
  std::vector<Held> held_;
  std::size_t held_size_ = 0;  // bytes
  Instant hold_began_{};
  bool is_released_;
  CaptureCounts counts_;
  std::optional<Duration> last_;  // the time of the frame before, as the capture has it
  Instant now_;
  Instant end_;
  std::vector<std::uint8_t> untagged_;
  std::vector<std::uint8_t> whole_;
};

}  // namespace aoe::harness
