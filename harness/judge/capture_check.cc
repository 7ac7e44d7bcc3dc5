#include "harness/judge/capture_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/printable.h"
#include "harness/judge/frame_rules.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

constexpr std::size_t ethertype_at = layout::offset(Field::ethertype);
constexpr std::size_t vlan_tag_size = 4;
/// Ethernet and AoE fit in no more: of a frame that claims to have been longer, no more is judged.
constexpr std::size_t frame_size_most = 65535 + ethernet_header_size;

/// Two tags of a provider and of a customer, and some to spare.
constexpr std::size_t vlan_tags_max = 8;
/// Frames of several sources may be out of order by less; beyond, a clock was set.
constexpr Duration disorder_max = std::chrono::seconds(1);
constexpr Duration leap_max = std::chrono::hours(24);
/// Sums of times stay far from their limits.
constexpr Instant latest = Instant{} + std::chrono::hours(24 * 365 * 50);

/// The first frames, by which copies are found: at most so many, so many bytes, and for so long
/// where these show enough; where it was quiet, for so long again.
constexpr std::size_t held_max = 4096;
constexpr std::size_t held_size_max = std::size_t{8} << 20;
constexpr Duration held_span_max = std::chrono::seconds(1);
/// Of fewer, all decide.
constexpr std::size_t held_few = 32;

std::uint16_t u16(Bytes bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

bool is_vlan(std::uint16_t type) {
  return type == 0x8100 || type == 0x88a8 || type == 0x9100;  // the last: QinQ before 802.1ad
}

}  // namespace

Untagged untag(const CapturedFrame& frame, std::vector<std::uint8_t>& room) {
  Untagged result{.bytes = frame.bytes,
                  .original_size = std::max(frame.original_size, frame.bytes.size())};
  std::size_t at = ethertype_at;
  const std::size_t most = ethertype_at + vlan_tags_max * vlan_tag_size;
  while (at < most && at + 2 + vlan_tag_size <= frame.bytes.size() &&
         is_vlan(u16(frame.bytes, at))) {
    result.vlan = u16(frame.bytes, at + 2) & 0xfff;
    result.is_tagged = true;
    at += vlan_tag_size;
  }
  result.is_aoe = at + 2 <= frame.bytes.size() && u16(frame.bytes, at) == ethertype;
  if (!result.is_tagged) return result;
  room.assign(frame.bytes.begin(), frame.bytes.begin() + ethertype_at);
  const Bytes rest = frame.bytes.subspan(at);
  room.insert(room.end(), rest.begin(), rest.end());
  result.bytes = room;
  result.original_size -= at - ethertype_at;
  return result;
}

CaptureCheck::CaptureCheck(const CaptureCheckOptions& options)
    : ledger_(Instant{}, options.folder),
      marks_(options.folder),
      findings_(options.findings_kept),
      dialogue_(ledger_, stations_, findings_, notes_, options.folder),
      is_released_(!options.leaves_out_copies) {}

StationId CaptureCheck::station_of(const Mac& mac, std::uint16_t vlan) {
  std::uint64_t key = vlan;
  for (const std::uint8_t octet : mac.octets) key = key << 8 | octet;
  const auto [found, fresh] =
      station_ids_.try_emplace(key, static_cast<StationId>(stations_.size()));
  // More of them than there are numbers: the last one stands for all others.
  if (fresh && stations_.size() > 0xfffe) found->second = 0xfffe;
  if (fresh && found->second == stations_.size()) {
    stations_.push_back({mac, vlan});
    asks_.push_back(false);
  }
  return found->second;
}

Instant CaptureCheck::instant_of(Duration time) {
  const Duration passed = last_ ? time - *last_ : Duration{};
  last_ = time;
  if (passed < -disorder_max || passed > leap_max) {
    if (notes_.clock_steps++ == 0) {
      notes_.clock_step_frame = counts_.frames;
      notes_.clock_step = passed;
    }
    return now_;
  }
  if (passed < Duration{}) ++notes_.out_of_order;
  now_ = std::clamp(now_ + passed, Instant{}, latest);
  end_ = std::max(end_, now_);
  return now_;
}

void CaptureCheck::add_unreadable() {
  ++counts_.frames;
  ++notes_.other_links;
}

void CaptureCheck::add(const CapturedFrame& captured) {
  ++counts_.frames;
  const Instant now = instant_of(captured.time);
  Arrival arrival{.number = counts_.frames,
                  .at = now,
                  .captured_size = std::max(captured.original_size, captured.bytes.size()),
                  .untagged = untag(captured, untagged_),
                  .has_destination = captured.has_destination};
  const Untagged& untagged = arrival.untagged;
  if (!untagged.is_aoe) return;
  ++counts_.aoe;
  if (untagged.is_tagged) ++counts_.tagged;
  if (is_released_) {
    if (copy_counts_.all_are_doubled() && copies_.copy_number(untagged.bytes, now) > 0) {
      ++notes_.copies;
    } else {
      judge(arrival);
    }
    return;
  }
  hold(arrival);
}

void CaptureCheck::hold(const Arrival& arrival) {
  const Bytes bytes = arrival.untagged.bytes;
  const unsigned copy_number = copies_.copy_number(bytes, arrival.at);
  if (held_.empty()) hold_began_ = arrival.at;
  held_.push_back({arrival, {bytes.begin(), bytes.end()}, copy_number});
  held_size_ += bytes.size();
  if (held_.size() == held_max || held_size_ >= held_size_max) {
    release();
    is_released_ = true;
  } else if (arrival.at - hold_began_ > held_span_max) {
    hold_began_ = arrival.at;
    if (counts_with_held().is_enough()) release();
  }
}

CopyCounts CaptureCheck::counts_with_held() const {
  CopyCounts counts = copy_counts_;
  // Where the copies come late, as those of another end do, there are none at first.
  for (std::size_t i = held_.size() < held_few ? 0 : held_.size() / 2; i < held_.size(); ++i) {
    const Bytes bytes = held_[i].bytes;
    const bool is_reply =
        bytes.size() > header_size && (layout::get<Field::flags>(bytes) & flag_response) != 0;
    counts.watch(is_reply, held_[i].copy_number);
  }
  return counts;
}

/// The held frames are judged, and if they have decided, those after them at once.
void CaptureCheck::release() {
  copy_counts_ = counts_with_held();
  is_released_ = copy_counts_.is_enough();
  for (Held& held : held_) {
    if (held.copy_number > 0 && copy_counts_.all_are_doubled()) {
      ++notes_.copies;
      continue;
    }
    held.arrival.untagged.bytes = held.bytes;
    judge(held.arrival);
  }
  held_ = {};
  held_size_ = 0;
}

void CaptureCheck::judge(const Arrival& arrival) {
  const Untagged& untagged = arrival.untagged;
  SeenFrame seen{.bytes = untagged.bytes,
                 .decoded = {},
                 .wire_size = arrival.captured_size,
                 .is_cut = untagged.bytes.size() < untagged.original_size};
  if (seen.is_cut) {
    ++counts_.cut;
    if (untagged.bytes.size() < std::min(frame_size_min, untagged.original_size)) {
      ++counts_.unjudged;
      return;
    }
    whole_.assign(untagged.bytes.begin(), untagged.bytes.end());
    whole_.resize(std::min(untagged.original_size, frame_size_most));
    seen.bytes = whole_;
  }
  seen.decoded = decode(seen.bytes);
  const bool is_reply = seen.decoded && seen.decoded->response;
  ++(is_reply ? counts_.replies : counts_.requests);
  LedgerEntry& entry = ledger_.add(is_reply ? Direction::to_initiator : Direction::to_target,
                                   seen.bytes, seen.decoded, arrival.at);
  entry.deliveries = 1;
  const FrameId id = entry.id;
  Mark& mark = marks_.add({arrival.number, 0, StationId{}, StationId{}});
  const bool is_bad = !seen.decoded || !seen.decoded->body;
  for (Finding& finding : judge_frame(seen)) {
    // The summary of a frame that can't be decoded says why it can't.
    const bool is_in_summary =
        is_bad && (finding.rule == "malformed" || finding.rule == "unknown-command" ||
                   finding.rule == "unsupported-version");
    const std::string summary = ledger_.summary(id);
    finding.actual = is_in_summary ? summary : summary + ": " + finding.actual;
    finding.frames = {id};
    findings_.add(std::move(finding));
  }
  if (!seen.decoded) return;
  const Header& header = seen.decoded->header;
  mark.source = station_of(header.source, untagged.vlan);
  mark.destination =
      arrival.has_destination ? station_of(header.destination, untagged.vlan) : no_station;
  if (!is_reply) asks_[mark.source] = true;
  if (!arrival.has_destination) ++notes_.without_destination;
  const std::uint64_t late_before = notes_.late_answers;
  const auto request =
      dialogue_.see({entry, *seen.decoded, seen.bytes, mark.source, mark.destination, seen.is_cut});
  if (notes_.late_answers > late_before && notes_.clock_steps == 0) {
    notes_.clock_steps = 1;
    notes_.clock_step_frame = arrival.number;
    notes_.clock_step = entry.sent - ledger_[*entry.answers].sent;
  }
  if (request) marks_[*request].answer_after = static_cast<std::uint32_t>(id - *request);
}

void CaptureCheck::finish() {
  if (!is_released_) release();
  dialogue_.finish(end_);
  findings_.sort();
}

std::optional<FrameId> CaptureCheck::answer_to(FrameId request) const {
  const std::uint32_t after = marks_[request].answer_after;
  return after == 0 ? std::nullopt : std::optional<FrameId>(request + after);
}

std::vector<Station> CaptureCheck::initiators() const {
  std::vector<Station> found;
  for (std::size_t i = 0; i < stations_.size(); ++i) {
    if (asks_[i]) found.push_back(stations_[i]);
  }
  return found;
}

std::string CaptureCheck::fate(FrameId id) const {
  const LedgerEntry& entry = ledger_[id];
  std::string fate;
  const auto add = [&](const std::string& words) { fate += (fate.empty() ? "" : ", ") + words; };
  if (entry.repeats) add(fmt::format("repeats {}", number(*entry.repeats)));
  if (entry.answers) {
    add(fmt::format("answers {} after {}", number(*entry.answers),
                    brief(entry.sent - ledger_[*entry.answers].sent)));
  } else if (const auto answer = answer_to(id)) {
    add(fmt::format("answered by {}", number(*answer)));
  } else if (entry.direction == Direction::to_target && entry.kind != FrameKind::bad) {
    add("no answer");
  }
  return fate;
}

std::string CaptureCheck::mac_text(StationId id) const {
  return id == no_station ? "?" : fmt::format("{}", stations_[id].mac);
}

LadderLine CaptureCheck::line(FrameId id) const {
  const LedgerEntry& entry = ledger_[id];
  LadderLine line{.at = at(id),
                  .frame = number(id),
                  .to_target = entry.direction == Direction::to_target,
                  .what = ledger_.summary(id),
                  .fate = fate(id)};
  if (stations_.size() > 3) {  // two ends and everybody
    line.what +=
        fmt::format("  {} > {}", mac_text(marks_[id].source), mac_text(marks_[id].destination));
  }
  return line;
}

std::vector<LadderLine> CaptureCheck::ladder(const std::vector<FrameId>& frames) const {
  std::vector<LadderLine> ladder = ladder_of(ledger_, frames);
  for (LadderLine& rung : ladder) {
    LadderLine own = line(rung.frame);
    own.guilty = rung.guilty;
    own.gap_before = rung.gap_before;
    rung = std::move(own);
  }
  return ladder;
}

std::vector<LadderLine> CaptureCheck::ladder() const {
  std::vector<LadderLine> ladder;
  for (FrameId id = 0; id < ledger_.size(); ++id) ladder.push_back(line(id));
  return ladder;
}

}  // namespace aoe::harness
