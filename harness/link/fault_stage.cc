#include "harness/link/fault_stage.h"

#include <algorithm>
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

void FaultStage::arm(const FaultSpec& spec, Instant now) {
  Account& account = accounts_[spec.id];
  account = {};
  if (!spec.strikes_frames()) return;
  Fault fault(spec);
  fault.arm(now, ios_at_work_);
  armed_.push_back({{std::move(fault), seed_, plan_ ? &*plan_ : nullptr}, &account});
}

void FaultStage::heal(const std::string& id) {
  std::erase_if(armed_, [&](const Armed& armed) { return armed.fault.id() == id; });
}

void FaultStage::io_began(const std::string& id) {
  ios_at_work_.push_back(id);
  for (Armed& armed : armed_) armed.fault.fault().io_began(id);
}

void FaultStage::io_ended(const std::string& id) {
  std::erase(ios_at_work_, id);
  for (Armed& armed : armed_) armed.fault.fault().io_ended(id);
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

void FaultStage::enter(Direction direction, Bytes bytes, Instant now, std::vector<Delivery>& out,
                       Origin origin) {
  capture(direction == Direction::to_target, now, bytes);
  const Decoded frame = decode(bytes);
  LedgerEntry& entry = ledger_.add(direction, bytes, frame, now);
  entry.injected = origin == Origin::scenario;
  const bool is_claimed = listener_ != nullptr && listener_->entered(entry, bytes, now);
  if (frame && !is_claimed) observer_.sent(entry, bytes, *frame);
  if (target_watch_ && direction == Direction::to_initiator && origin == Origin::end)
    target_watch_(entry.id, direction, bytes);

  Passing passing{.direction = direction, .bytes = bytes, .now = now, .room = &changed_};
  if (!armed_.empty()) {
    if (frame) {
      passing.subject = ledger_.subject(entry);
      passing.tag = entry.tag;
    }
    strike(entry, passing);
    if (passing.dropped) return;
  }
  entry.copies = passing.copies;
  for (unsigned i = 0; i < passing.copies; ++i) {
    const Duration delay = passing.delay + i * passing.spread;
    Delivery& delivery = out.emplace_back(Delivery{entry.id, direction, delay, buffer()});
    delivery.bytes.assign(passing.bytes.begin(), passing.bytes.end());
    delivery.altered = passing.changed;
  }
}

void FaultStage::strike(LedgerEntry& entry, Passing& passing) {
  struck_by_.clear();
  for (auto& [fault, account] : armed_) {
    auto decision = fault.meet(passing);
    if (!decision) continue;
    ++account->hits;
    if (account->struck.size() < struck_kept) account->struck.push_back(entry.id);
    if (fault.fault().only_counts()) continue;
    if (decision->deed.changed || passing.dropped) account->dropped.push_back(entry.id);
    if (decisions_.size() < decisions_max) {
      decision->frame = entry.id;
      decisions_.push_back(*std::move(decision));
    }
    if (passing.dropped) {
      entry.dropped_by = ledger_.keep(fault.id());
      break;
    }
    if (!struck_by_.empty()) struck_by_ += ' ';
    struck_by_ += fault.id();
  }
  entry.struck_by = ledger_.keep(struck_by_);
}

void FaultStage::leave(const Delivery& delivery, Instant now) {
  LedgerEntry& entry = ledger_[delivery.id];
  if (++entry.deliveries == 1) entry.delivered = now;
  capture(delivery.direction == Direction::to_initiator, now, delivery.bytes);
  if (target_watch_ && delivery.direction == Direction::to_target)
    target_watch_(delivery.id, delivery.direction, delivery.bytes);
  const bool is_claimed =
      listener_ != nullptr && listener_->left(delivery.id, delivery.direction, delivery.bytes, now);
  if (is_claimed) return;
  const bool is_config = delivery.direction == Direction::to_initiator &&
                         entry.command == static_cast<std::uint8_t>(Command::config);
  if (!delivery.altered && !is_config) {
    observer_.delivered(entry, now);
    if (write_watch_ && delivery.direction == Direction::to_target) tell_write(delivery, entry);
  } else if (const auto frame = decode(delivery.bytes)) {
    if (is_config) observer_.delivered_config(*frame, now);
    if (!delivery.altered) return;
    observer_.delivered_altered(delivery.direction, *frame, now);
    const auto* write = frame->body ? std::get_if<AtaRequest>(&*frame->body) : nullptr;
    const bool is_write = write != nullptr && ata::kind(write->opcode) == ata::Kind::write;
    if (write_watch_ && is_write && delivery.direction == Direction::to_target) {
      write_watch_(write->lba, write->data);
    }
  }
}

/// Calls the watch for a frame that arrives unaltered: the ledger has all but its data.
void FaultStage::tell_write(const Delivery& delivery, const LedgerEntry& entry) const {
  if (entry.kind != FrameKind::ata_request || ata::kind(entry.opcode) != ata::Kind::write) return;
  const Bytes data = Bytes(delivery.bytes).subspan(ata_header_size);
  write_watch_(entry.lba, data.first(std::min(data.size(), entry.sectors * sector_size)));
}

void FaultStage::lose(const Delivery& delivery, const Link& link) {
  ledger_[delivery.id].lost_by =
      ledger_.keep(link.up ? "too long for the link" : "the link is down");
}

}  // namespace aoe::harness
