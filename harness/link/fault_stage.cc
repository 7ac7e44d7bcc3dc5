#include "harness/link/fault_stage.h"

#include <utility>

namespace aoe::harness {
namespace {

/// A fault's own seed: of the run's, and of its name (FNV-1a, the same everywhere).
std::uint64_t seed_of(std::uint64_t seed, std::string_view id) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : id) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
  return seed ^ hash;
}

}  // namespace

tl::expected<Captures, std::string> Captures::create(const std::string& folder) {
  auto initiator_side = PcapWriter::create(folder + "/initiator-side.pcap");
  if (!initiator_side) return tl::unexpected(initiator_side.error());
  auto target_side = PcapWriter::create(folder + "/target-side.pcap");
  if (!target_side) return tl::unexpected(target_side.error());
  return Captures{*std::move(initiator_side), *std::move(target_side)};
}

tl::expected<void, std::string> Captures::flush() {
  for (PcapWriter* writer : {initiator_side.get(), target_side.get()}) {
    if (writer == nullptr) continue;
    if (auto flushed = writer->flush(); !flushed) return flushed;
  }
  return {};
}

void FaultStage::arm(const FaultSpec& spec, Instant now) {
  hits_[spec.id] = 0;
  dropped_by_[spec.id] = {};
  auto fault = make_fault(spec);
  if (fault == nullptr) return;
  fault->arm(now, ios_at_work_);
  armed_.push_back({std::move(fault), Random(seed_of(seed_, spec.id))});
}

void FaultStage::heal(const std::string& id) {
  std::erase_if(armed_, [&](const Armed& armed) { return armed.fault->id() == id; });
}

void FaultStage::io_began(const std::string& id) {
  ios_at_work_.push_back(id);
  for (const Armed& armed : armed_) armed.fault->io_began(id);
}

void FaultStage::io_ended(const std::string& id) {
  std::erase(ios_at_work_, id);
  for (const Armed& armed : armed_) armed.fault->io_ended(id);
}

std::uint64_t FaultStage::hits(const std::string& id) const {
  return hits_.at(id);
}

const std::vector<FrameId>& FaultStage::dropped_by(const std::string& id) const {
  return dropped_by_.at(id);
}

void FaultStage::capture(bool initiator_side, Instant now, Bytes frame) {
  PcapWriter* writer = (initiator_side ? captures_.initiator_side : captures_.target_side).get();
  if (writer != nullptr) writer->write(now.time_since_epoch(), frame);
}

std::vector<std::uint8_t> FaultStage::buffer() {
  if (spare_.empty()) return {};
  std::vector<std::uint8_t> buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

void FaultStage::enter(Direction direction, Bytes bytes, Instant now, std::vector<Delivery>& out) {
  capture(direction == Direction::to_target, now, bytes);
  LedgerEntry& entry = ledger_.add(direction, bytes, now);
  const auto frame = decode(bytes);
  Passing passing{.direction = direction, .bytes = bytes, .now = now, .room = &changed_};
  if (frame) {
    passing.subject = exchanges_.subject(*frame);
    passing.tag = frame->header.tag;
    exchanges_.sent(entry, *frame);
  }

  for (auto& [fault, random] : armed_) {
    if (!fault->meet(passing, random)) continue;
    ++hits_[fault->id()];
    if (passing.dropped) {
      entry.dropped_by = fault->id();
      dropped_by_[fault->id()].push_back(entry.id);
      return;
    }
    if (!entry.struck_by.empty()) entry.struck_by += ' ';
    entry.struck_by += fault->id();
  }
  for (unsigned i = 0; i < passing.copies; ++i) {
    const Duration delay = passing.delay + i * passing.spread;
    Delivery& delivery = out.emplace_back(Delivery{entry.id, direction, delay, buffer()});
    delivery.bytes.assign(passing.bytes.begin(), passing.bytes.end());
  }
}

void FaultStage::leave(const Delivery& delivery, Instant now) {
  LedgerEntry& entry = ledger_[delivery.id];
  if (++entry.deliveries == 1) entry.delivered = now;
  capture(delivery.direction == Direction::to_initiator, now, delivery.bytes);
  if (const auto frame = decode(delivery.bytes)) exchanges_.delivered(entry, *frame, now);
}

}  // namespace aoe::harness
