#include "harness/world/guise.h"

#include <algorithm>

#include "proto/codes.h"
#include "proto/identify.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

using layout::get;
using layout::set;

/// Requests that are remembered. Answers to older ones are passed on unchanged.
constexpr std::size_t asked_max = 65536;

constexpr std::uint8_t extended_flag = 0x40;  // of ata_flags
/// No disk knows this one.
constexpr std::uint8_t unknown_opcode = 0xff;

constexpr std::uint64_t lba28_mask = 0x0fff'ffff;
constexpr std::uint64_t lba48_mask = ata::lba48_sectors_max - 1;

// Words of IDENTIFY.
constexpr std::uint64_t lba48_bits = 1 << 10 | 1 << 13;  // words 83 and 86: LBA48, FLUSH CACHE EXT
constexpr std::uint8_t integrity_signature = 0xa5;

bool is_aoe(Bytes frame) {
  return frame.size() >= header_size && get<Field::ethertype>(frame) == ethertype;
}

bool is_reply(Bytes frame) {
  return (get<Field::flags>(frame) & flag_response) != 0;
}

bool is_ata(Bytes frame) {
  return layout::has(Field::ata_reserved, frame);
}

}  // namespace

Guise::Guise(const TargetRole& role) : says_(role.says), base_(role.base), paths_(role.paths) {}

bool Guise::is_wanted(const Scenario& scenario, NodeIndex target) {
  const TargetRole& role = scenario.network.nodes[target].target;
  return !role.says.is_nothing() || role.base > 0 || role.paths > 1 ||
         std::ranges::any_of(scenario.steps, [target](const Step& step) {
           const auto* says = std::get_if<SaysStep>(&step.what);
           return says != nullptr && says->by == target;
         });
}

std::vector<std::uint8_t> Guise::from_second_path(std::vector<std::uint8_t> frame) const {
  set<Field::source>(frame, second_mac);
  return frame;
}

// What arrives.

std::vector<std::uint8_t> Guise::arrived(Bytes bytes) {
  std::vector<std::uint8_t> frame(bytes.begin(), bytes.end());
  if (!is_aoe(bytes) || is_reply(bytes)) return frame;
  const Mac destination = get<Field::destination>(bytes);
  Asked asked{.second_path = paths_ > 1 && destination == second_mac,
              .everyone = destination.is_multicast(),
              .command = get<Field::command>(bytes)};
  if (asked.second_path) set<Field::destination>(frame, own_);
  if (is_ata(bytes)) disguise_request(frame, asked);
  if (asked_.size() >= asked_max) asked_.clear();
  asked_.insert_or_assign(get<Field::tag>(bytes), asked);
  return frame;
}

void Guise::disguise_request(std::vector<std::uint8_t>& frame, Asked& asked) const {
  asked.opcode = ata::Opcode{get<Field::ata_op>(frame)};
  asked.lba = get<Field::ata_lba>(frame);
  const bool extended = (get<Field::ata_flags>(frame) & extended_flag) != 0;
  if (extended && says_.lba48 == false) {
    set<Field::ata_op>(frame, unknown_opcode);
  } else if (ata::lba_bits(asked.opcode) > 0 && (base_ > 0 || says_.size)) {
    const std::uint64_t mask = extended ? lba48_mask : lba28_mask;
    const std::uint64_t lba = asked.lba & mask;
    const std::uint64_t end = says_.size ? base_ + *says_.size : UINT64_MAX;
    // What is not there is beyond the target's end.
    const bool is_there = lba >= base_ && lba + get<Field::ata_count>(frame) <= end;
    set<Field::ata_lba>(frame, (asked.lba & ~mask) | (is_there ? lba - base_ : mask));
    asked.moved = true;
  }
}

// What is sent.

Guise::Frames Guise::sent(Bytes bytes) {
  std::vector<std::uint8_t> frame(bytes.begin(), bytes.end());
  if (!is_aoe(bytes) || !is_reply(bytes)) return {std::move(frame)};
  own_ = get<Field::source>(bytes);
  const auto found = asked_.find(get<Field::tag>(bytes));
  const Asked asked = found == asked_.end() || found->second.command != get<Field::command>(bytes)
                          ? Asked{.everyone = get<Field::destination>(bytes).is_multicast()}
                          : found->second;
  const bool is_error = (get<Field::flags>(bytes) & flag_error) != 0;
  if (!is_error && layout::has(Field::config_length, bytes)) {
    config_ = frame;
    disguise_config(frame);
  } else if (!is_error && is_ata(bytes)) {
    if (asked.opcode == ata::Opcode::identify_device &&
        frame.size() >= ata_header_size + identify_size) {
      disguise_identity(MutableBytes(frame).subspan(ata_header_size, identify_size));
    }
    if (asked.moved) set<Field::ata_lba>(frame, asked.lba);
  }
  if (asked.second_path) return {from_second_path(std::move(frame))};
  if (paths_ < 2 || !asked.everyone) return {std::move(frame)};
  return {frame, from_second_path(frame)};
}

void Guise::disguise_config(std::vector<std::uint8_t>& frame) const {
  if (says_.buffers) set<Field::config_buffers>(frame, *says_.buffers);
  if (says_.sectors) set<Field::config_sectors>(frame, *says_.sectors);
}

void Guise::disguise_identity(MutableBytes block) const {
  const bool knows_lba48 = (identify_words(block, 83) & 1 << 10) != 0;
  const bool has_checksum = (identify_words(block, 255) & 0xff) == integrity_signature;
  const bool lba48 = knows_lba48 && says_.lba48 != false;
  std::uint64_t sectors =
      knows_lba48 ? identify_words(block, 100, 4) : identify_words(block, 60, 2);
  sectors = base_ + says_.size.value_or(sectors);
  set_identify_words(block, 60, 2, std::min(sectors, ata::lba28_sectors_max));
  set_identify_words(block, 100, 4, lba48 ? sectors : 0);
  if (says_.lba48 == false) {
    for (const std::size_t number : {83, 86})
      set_identify_words(block, number, 1, identify_words(block, number) & ~lba48_bits);
    set_identify_words(block, 169, 1, 0);  // TRIM has 48 bits
  }
  for (const auto& [number, value] : says_.words) set_identify_words(block, number, 1, value);
  if (says_.words.contains(255)) return;
  const Says::Checksum checksum =
      says_.checksum.value_or(has_checksum ? Says::Checksum::right : Says::Checksum::none);
  seal_identify(block);
  if (checksum == Says::Checksum::wrong) --block[identify_size - 1];
  if (checksum == Says::Checksum::none) set_identify_words(block, 255, 1, 0);
}

Guise::Frames Guise::announce() const {
  if (config_.empty()) return {};
  std::vector<std::uint8_t> frame = config_;
  set<Field::destination>(frame, Mac::broadcast());
  set<Field::source>(frame, own_);
  set<Field::tag>(frame, 0);
  disguise_config(frame);
  if (paths_ < 2) return {std::move(frame)};
  return {frame, from_second_path(frame)};
}

}  // namespace aoe::harness
