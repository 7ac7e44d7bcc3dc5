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

std::uint16_t u16(Bytes bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

bool is_vlan(std::uint16_t type) {
  return type == 0x8100 || type == 0x88a8;
}

}  // namespace

Untagged untag(const CapturedFrame& frame, std::vector<std::uint8_t>& room) {
  Untagged result{.bytes = frame.bytes,
                  .original_size = std::max(frame.original_size, frame.bytes.size())};
  std::size_t at = ethertype_at;
  while (at + 2 + vlan_tag_size <= frame.bytes.size() && is_vlan(u16(frame.bytes, at))) {
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

CaptureCheck::CaptureCheck(std::string folder)
    : ledger_(Instant{}, std::move(folder)), dialogue_(ledger_, stations_, findings_) {}

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

void CaptureCheck::add(const CapturedFrame& captured) {
  ++counts_.frames;
  if (!first_) first_ = captured.time;
  const Instant now = Instant{} + (captured.time - *first_);
  end_ = std::max(end_, now);
  const Untagged untagged = untag(captured, untagged_);
  if (!untagged.is_aoe) return;
  ++counts_.aoe;
  if (untagged.is_tagged) ++counts_.tagged;

  SeenFrame seen{.bytes = untagged.bytes,
                 .decoded = {},
                 .wire_size = std::max(captured.original_size, captured.bytes.size()),
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
                                   seen.bytes, seen.decoded, now);
  entry.deliveries = 1;
  numbers_.push_back(counts_.frames);
  const FrameId id = entry.id;
  const bool is_bad = !seen.decoded || !seen.decoded->body;
  for (Finding& finding : judge_frame(seen)) {
    // The summary of a frame that can't be decoded says why it can't.
    const bool is_in_summary =
        is_bad && (finding.rule == "malformed" || finding.rule == "unknown-command" ||
                   finding.rule == "unsupported-version");
    const std::string summary = ledger_.summary(id);
    finding.actual = is_in_summary ? summary : summary + ": " + finding.actual;
    finding.frames = {id};
    findings_.push_back(std::move(finding));
  }
  if (!seen.decoded) {
    ends_.emplace_back(StationId{}, StationId{});
    return;
  }
  const Header& header = seen.decoded->header;
  const StationId source = station_of(header.source, untagged.vlan);
  const StationId destination = station_of(header.destination, untagged.vlan);
  if (!is_reply) asks_[source] = true;
  ends_.emplace_back(source, destination);
  dialogue_.see({entry, *seen.decoded, seen.bytes, source, destination, seen.is_cut});
}

void CaptureCheck::finish() {
  dialogue_.finish(end_);
  std::ranges::stable_sort(findings_, {}, &Finding::frame);
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

LadderLine CaptureCheck::line(FrameId id) const {
  const LedgerEntry& entry = ledger_[id];
  LadderLine line{.at = at(id),
                  .frame = number(id),
                  .to_target = entry.direction == Direction::to_target,
                  .what = ledger_.summary(id),
                  .fate = fate(id)};
  if (stations_.size() > 3) {  // two ends and everybody
    line.what +=
        fmt::format("  {} > {}", stations_[ends_[id].first].mac, stations_[ends_[id].second].mac);
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
