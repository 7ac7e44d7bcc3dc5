#include "harness/run/every_answer.h"

#include <algorithm>

#include <fmt/format.h>

#include "harness/judge/frame_rules.h"
#include "proto/frame.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

/// Has the request anything that AoEr11 has nobody send, and says of no receiver what it does then?
bool is_left_open(Bytes request) {
  const Decoded decoded = decode(request);
  const auto findings =
      judge_frame({.bytes = request, .decoded = decoded, .wire_size = request.size()});
  return std::ranges::any_of(findings, [](const Finding& finding) {
    return finding.rule == "reserved-field" || finding.rule == "request-with-error" ||
           finding.rule == "error-byte" || finding.rule == "unsupported-version" ||
           finding.rule == "ata-flags" || finding.rule == "group-source";
  });
}

}  // namespace

EveryAnswer::EveryAnswer(const Scenario& scenario, World& world, const Ledger& ledger)
    : scenario_(scenario), world_(world), ledger_(ledger) {
  world_.stage().watch_target([this](FrameId id, PortIndex port, Direction direction, Bytes frame) {
    const bool is_request = direction == Direction::to_target;
    if (frame.size() < header_size) {
      if (is_request) ++headless_;
      return;
    }
    is_request ? arrived(id, port, frame) : answered(id, port, frame);
  });
}

EveryAnswer::~EveryAnswer() {
  world_.stage().watch_target(nullptr);
}

std::vector<Finding> EveryAnswer::findings() const {
  std::vector<Finding> findings;
  for (const auto& [clause, broken] : broken_) {
    Finding& finding = findings.emplace_back(broken.first);
    if (broken.answers > 1) finding.actual += fmt::format(" (and {} more)", broken.answers - 1);
  }
  return findings;
}

std::uint64_t EveryAnswer::key_of(Bytes frame, const Mac& client, PortIndex target) const {
  const std::uint64_t tag = layout::get<Field::tag>(frame);
  if (scenario_.network.is_of_two()) return tag;
  return mixed(layout::number(client) << 16 ^ target) ^ tag;
}

EveryAnswer::Request& EveryAnswer::place_for(std::uint64_t key) {
  const auto [found, is_new] = by_key_.try_emplace(key, requests_.size());
  if (!is_new) return requests_[found->second];
  if (requests_.size() < requests_kept) return requests_.emplace_back();
  Request& oldest = requests_[oldest_];
  found->second = oldest_;
  oldest_ = (oldest_ + 1) % requests_kept;
  by_key_.erase(oldest.key);
  if (forgotten_.empty()) forgotten_.resize(tag_places);
  forgotten_[place_of(oldest.key)] = true;
  return oldest;
}

void EveryAnswer::arrived(FrameId id, PortIndex at, Bytes frame) {
  const std::uint64_t key = key_of(frame, layout::get<Field::source>(frame), at);
  Request& request = place_for(key);
  request.id = id;
  request.key = key;
  request.target = world_.link(at).mac;
  request.bytes.assign(frame.begin(), frame.end());
}

void EveryAnswer::answered(FrameId id, PortIndex from, Bytes frame) {
  const std::uint64_t key = key_of(frame, layout::get<Field::destination>(frame), from);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    // Config answers may be announcements, and what has no flag R is no answer.
    const std::uint8_t flags = layout::get<Field::flags>(frame);
    const bool is_answer = (flags & flag_response) != 0 &&
                           Command{layout::get<Field::command>(frame)} != Command::config;
    if (!is_answer || (!forgotten_.empty() && forgotten_[place_of(key)])) return;
    if ((flags & flag_error) != 0 && headless_refused_ < headless_) {
      ++headless_refused_;
      return;
    }
    return charge({.field = "tag",
                   .expected = "that of a request",
                   .actual = layout::format(Field::tag, layout::get<Field::tag>(frame)),
                   .clause = "2/7"},
                  {id});
  }
  const Request& request = requests_[found->second];
  if (const auto kind = kind_of(request.bytes)) answered_kinds_.insert(*kind);
  const TargetRole& target = scenario_.network.node_of(from).target;
  Answerer answerer{world_.link(from).mac, target.luns.front().address, target.luns};
  // One that was asked just before its address changed may answer from either.
  if (layout::get<Field::source>(frame) == request.target) answerer.mac = request.target;
  const std::vector<Mismatch> broken = broken_answer_rules(request.bytes, frame, answerer);
  if (broken.empty() || is_left_open(request.bytes)) return;
  for (const Mismatch& wrong : broken) charge(wrong, {request.id, id});
}

void EveryAnswer::charge(const Mismatch& wrong, const std::vector<FrameId>& frames) {
  Broken& broken = broken_[std::string(wrong.clause)];
  if (++broken.answers > 1) return;
  broken.first = {.rule = std::string(rule),
                  .clause = std::string(wrong.clause),
                  .field = wrong.field,
                  .expected = fmt::format("{}: {}", wrong.field, wrong.expected),
                  .actual = fmt::format("{} (#{}: {})", wrong.actual, frames.back(),
                                        ledger_.summary(frames.back())),
                  .frames = frames,
                  .certain = true,
                  .mark = {scenario_.file, 0, 0}};
}

}  // namespace aoe::harness
