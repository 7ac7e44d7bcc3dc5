#include "harness/link/fault_stage.h"

#include <algorithm>
#include <utility>

#include "proto/layout.h"

namespace aoe::harness {
namespace {

/// Does an interface with this address hear the frame?
bool is_for(const Mac& mac, Bytes frame) {
  if (frame.size() < ethernet_header_size) return false;
  const Mac destination = layout::get<Field::destination>(frame);
  return destination == mac || destination.is_multicast();
}

/// Adds a word that is not in the text yet, behind a blank.
void add_word(std::string& text, const std::string& word) {
  if ((' ' + text + ' ').find(' ' + word + ' ') != std::string::npos) return;
  if (!text.empty()) text += ' ';
  text += word;
}

}  // namespace

std::string capture_name(const Network& network, PortIndex port) {
  const Node& node = network.node_of(port);
  const std::string& segment = network.segments[network.ports[port].segment].name;
  return node.ports.size() == 1 ? node.name + "-side.pcap"
                                : node.name + "-" + segment + "-side.pcap";
}

tl::expected<Captures, std::string> Captures::create(const std::string& folder,
                                                     const Network& network) {
  Captures captures;
  for (std::size_t port = 0; port < network.ports.size(); ++port) {
    auto writer =
        PcapWriter::create(folder + "/" + capture_name(network, static_cast<PortIndex>(port)));
    if (!writer) return tl::unexpected(writer.error());
    captures.ports.push_back(*std::move(writer));
  }
  return captures;
}

tl::expected<void, std::string> Captures::flush() {
  for (const auto& writer : ports) {
    if (auto flushed = writer->flush(); !flushed) return flushed;
  }
  return {};
}

FaultStage::FaultStage(Ledger& ledger, LinkObserver& observer, Captures captures,
                       std::uint64_t seed, const Network& network)
    : ledger_(ledger),
      observer_(observer),
      captures_(std::move(captures)),
      seed_(seed),
      fabric_(network),
      is_of_two_(network.is_of_two()) {
  for (const Port& port : network.ports) {
    const bool is_target = network.nodes[port.node].role == Node::Role::target;
    nodes_.push_back({port.node, is_target ? Direction::to_initiator : Direction::to_target});
  }
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

void FaultStage::capture(PortIndex port, Instant now, Bytes frame) {
  if (!captures_.ports.empty()) captures_.ports[port]->write(now.time_since_epoch(), frame);
}

std::vector<std::uint8_t> FaultStage::buffer() {
  if (spare_.empty()) return {};
  std::vector<std::uint8_t> buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

void FaultStage::enter(PortIndex from, Bytes bytes, Instant now, std::vector<Delivery>& out,
                       Origin origin) {
  capture(from, now, bytes);
  const Decoded frame = decode(bytes);
  const Direction direction = outward(from);
  LedgerEntry& entry = ledger_.add(direction, bytes, frame, now);
  entry.from = from;
  entry.injected = origin == Origin::scenario;
  const bool is_claimed = listener_ != nullptr && listener_->entered(entry, bytes, now);
  if (frame && is_claimed) observer_.claimed(entry, *frame);
  if (frame && !is_claimed) observer_.sent(entry, bytes, *frame);
  if (target_watch_ && direction == Direction::to_initiator && origin == Origin::end)
    target_watch_(entry.id, from, direction, bytes);

  Passing passing{.way = {.direction = direction, .from = nodes_[from].node},
                  .now = now,
                  .names_nodes = !is_of_two_,
                  .room = &changed_};
  if (!armed_.empty() && frame) {
    passing.subject = ledger_.subject(entry);
    passing.tag = entry.tag;
  }
  leaves_by_.clear();
  fabric_.route(from, bytes, now, leaves_by_);
  for (const PortIndex to : leaves_by_) {
    Passing copy = passing;
    copy.bytes = bytes;
    pass(entry, to, copy, out);
  }
}

void FaultStage::pass(LedgerEntry& entry, PortIndex to, Passing& passing,
                      std::vector<Delivery>& out) {
  passing.way.segment = fabric_.segment_of(to).value_or(0);
  passing.way.to = nodes_[to].node;
  if (!armed_.empty()) strike(entry, passing);
  if (passing.dropped) return;
  entry.copies += passing.copies;
  for (unsigned i = 0; i < passing.copies; ++i) {
    const auto crossing = fabric_.cross(to, passing.bytes.size(), passing.now);
    if (!crossing) {
      entry.lost_by = ledger_.keep("the segment does not carry it");
      continue;
    }
    const Duration delay = *crossing + passing.delay + i * passing.spread;
    Delivery& delivery =
        out.emplace_back(Delivery{entry.id, passing.way.direction, to, delay, buffer()});
    delivery.bytes.assign(passing.bytes.begin(), passing.bytes.end());
    delivery.altered = passing.changed;
  }
}

void FaultStage::strike(LedgerEntry& entry, Passing& passing) {
  struck_by_ = ledger_.text(entry.struck_by);
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
    add_word(struck_by_, fault.id());
  }
  entry.struck_by = ledger_.keep(struck_by_);
}

bool FaultStage::leave(const Delivery& delivery, const Mac& mac, Instant now) {
  LedgerEntry& entry = ledger_[delivery.id];
  capture(delivery.to, now, delivery.bytes);
  if (!is_of_two_ && !is_for(mac, delivery.bytes)) {
    if (entry.deliveries == 0) entry.lost_by = ledger_.keep("no interface has its destination");
    return false;
  }
  if (++entry.deliveries == 1) entry.delivered = now;
  // What goes to everybody may reach another of its sender's kind.
  if (outward(delivery.to) != delivery.direction) tell(delivery, entry, now);
  return true;
}

void FaultStage::tell(const Delivery& delivery, LedgerEntry& entry, Instant now) {
  const bool to_target = delivery.direction == Direction::to_target;
  if (target_watch_ && to_target)
    target_watch_(delivery.id, delivery.to, delivery.direction, delivery.bytes);
  if (listener_ != nullptr && listener_->left(delivery, now)) return;
  const bool is_config = !to_target && entry.command == static_cast<std::uint8_t>(Command::config);
  if (!delivery.altered && !is_config) {
    observer_.delivered(entry, delivery.to, now);
    if (write_watch_ && to_target) tell_write(delivery, entry);
  } else if (const auto frame = decode(delivery.bytes)) {
    if (is_config) observer_.delivered_config(*frame, delivery.to, now);
    if (!delivery.altered) return;
    observer_.delivered_altered(entry, *frame, delivery.to, now);
    const auto* write = frame->body ? std::get_if<AtaRequest>(&*frame->body) : nullptr;
    const bool is_write = write != nullptr && ata::kind(write->opcode) == ata::Kind::write;
    if (write_watch_ && is_write && to_target)
      write_watch_(nodes_[delivery.to].node, frame->header.address, write->lba, write->data);
  }
}

/// Calls the watch for a frame that arrives unaltered: the ledger has all but its data.
void FaultStage::tell_write(const Delivery& delivery, const LedgerEntry& entry) const {
  if (entry.kind != FrameKind::ata_request || ata::kind(entry.opcode) != ata::Kind::write) return;
  const Bytes data = Bytes(delivery.bytes).subspan(ata_header_size);
  write_watch_(nodes_[delivery.to].node, entry.address, entry.lba,
               data.first(std::min(data.size(), entry.sectors * sector_size)));
}

void FaultStage::lose(const Delivery& delivery, const Link& link) {
  ledger_[delivery.id].lost_by =
      ledger_.keep(link.up ? "too long for the link" : "the link is down");
}

}  // namespace aoe::harness
