#include "harness/link/fault_stage.h"

#include <utility>

namespace aoe::harness {

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

void FaultStage::arm(const FaultSpec& spec) {
  hits_[spec.id] = 0;
  dropped_by_[spec.id] = {};
  if (auto fault = make_fault(spec)) armed_.push_back(std::move(fault));
}

void FaultStage::heal(const std::string& id) {
  std::erase_if(armed_, [&](const auto& fault) { return fault->id() == id; });
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
  Passing passing{.direction = direction,
                  .frame = frame ? &*frame : nullptr,
                  .traffic = frame ? exchanges_.traffic(*frame) : Traffic::any};
  if (frame) exchanges_.sent(entry, *frame);

  for (const auto& fault : armed_) {
    if (!fault->meet(passing, random_)) continue;
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
    Delivery& delivery = out.emplace_back(Delivery{entry.id, direction, passing.delay, buffer()});
    delivery.bytes.assign(bytes.begin(), bytes.end());
  }
}

void FaultStage::leave(const Delivery& delivery, Instant now) {
  LedgerEntry& entry = ledger_[delivery.id];
  if (++entry.deliveries == 1) entry.delivered = now;
  capture(delivery.direction == Direction::to_initiator, now, delivery.bytes);
  if (const auto frame = decode(delivery.bytes)) exchanges_.delivered(entry, *frame, now);
}

}  // namespace aoe::harness
