#include "harness/world/guise.h"

#include <algorithm>
#include <numeric>

#include "proto/codes.h"
#include "proto/identify.h"

namespace aoe::harness {
namespace {

/// Requests that are remembered; of older ones an answer is passed on as it is.
constexpr std::size_t asked_max = 65536;

// Where things are in a frame (AoEr11 §2, §3.1, §3.2).
constexpr std::size_t destination_at = 0;
constexpr std::size_t source_at = 6;
constexpr std::size_t ethertype_at = 12;
constexpr std::size_t flags_at = 14;
constexpr std::size_t command_at = 19;
constexpr std::size_t tag_at = 20;
constexpr std::size_t buffers_at = 24;
constexpr std::size_t sectors_at = 28;
constexpr std::size_t config_size = 32;
constexpr std::size_t ata_flags_at = 24;
constexpr std::size_t count_at = 26;
constexpr std::size_t opcode_at = 27;
constexpr std::size_t lba_at = 28;
constexpr std::size_t data_at = 36;

constexpr std::uint8_t response_flag = 0x8;
constexpr std::uint8_t error_flag = 0x4;
constexpr std::uint8_t extended_flag = 0x40;
/// No disk knows this one.
constexpr std::uint8_t unknown_opcode = 0xff;

constexpr std::uint64_t lba28_mask = 0x0fff'ffff;
constexpr std::uint64_t lba48_mask = ata::lba48_sectors_max - 1;

// Words of IDENTIFY.
constexpr std::uint16_t lba48_bits = 1 << 10 | 1 << 13;  // words 83 and 86: LBA48, FLUSH CACHE EXT
constexpr std::uint8_t integrity_signature = 0xa5;

Mac mac_at(Bytes frame, std::size_t at) {
  Mac mac;
  std::ranges::copy(frame.subspan(at, 6), mac.octets.begin());
  return mac;
}

void put_mac(std::vector<std::uint8_t>& frame, std::size_t at, const Mac& mac) {
  std::ranges::copy(mac.octets, frame.begin() + static_cast<std::ptrdiff_t>(at));
}

std::uint32_t tag_of(Bytes frame) {
  return Reader(frame.subspan(tag_at)).u32();
}

bool is_aoe(Bytes frame) {
  return frame.size() >= header_size && Reader(frame.subspan(ethertype_at)).u16() == ethertype;
}

bool is_response(Bytes frame) {
  return (frame[flags_at] & response_flag) != 0;
}

/// Are the LBA and the count of a command places on the disk?
bool has_place(ata::Opcode opcode) {
  const ata::Kind kind = ata::kind(opcode);
  return kind == ata::Kind::read || kind == ata::Kind::write ||
         opcode == ata::Opcode::read_verify || opcode == ata::Opcode::read_verify_ext;
}

std::uint64_t lba_in(Bytes frame, bool extended) {
  std::uint64_t lba = 0;
  for (std::size_t i = 6; i-- > 0;) lba = lba << 8 | frame[lba_at + i];
  return lba & (extended ? lba48_mask : lba28_mask);
}

void put_lba(MutableBytes frame, bool extended, std::uint64_t lba) {
  const std::size_t whole = extended ? 6 : 3;
  for (std::size_t i = 0; i < whole; ++i)
    frame[lba_at + i] = static_cast<std::uint8_t>(lba >> (8 * i));
  if (extended) return;
  std::uint8_t& last = frame[lba_at + 3];
  last = static_cast<std::uint8_t>((last & 0xf0) | (lba >> 24 & 0x0f));
}

std::uint16_t word(Bytes block, std::size_t number) {
  return static_cast<std::uint16_t>(block[2 * number] | block[2 * number + 1] << 8);
}

void put_words(MutableBytes block, std::size_t number, std::size_t count, std::uint64_t value) {
  for (std::size_t i = 0; i < 2 * count; ++i)
    block[2 * number + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

}  // namespace

Guise::Guise(const TargetRole& role) : says_(role.says), base_(role.base), paths_(role.paths) {}

bool Guise::is_wanted(const Scenario& scenario) {
  const TargetRole& role = scenario.target;
  return !role.says.is_nothing() || role.base > 0 || role.paths > 1 ||
         std::ranges::any_of(scenario.steps, [](const Step& step) {
           return std::holds_alternative<SaysStep>(step.what);
         });
}

std::vector<std::uint8_t> Guise::from_second_path(std::vector<std::uint8_t> frame) const {
  put_mac(frame, source_at, second_mac);
  return frame;
}

// What arrives.

std::vector<std::uint8_t> Guise::arrived(Bytes bytes) {
  std::vector<std::uint8_t> frame(bytes.begin(), bytes.end());
  if (!is_aoe(bytes) || is_response(bytes)) return frame;
  const Mac destination = mac_at(bytes, destination_at);
  Asked asked{.second_path = paths_ > 1 && destination == second_mac,
              .everyone = destination.is_multicast(),
              .command = frame[command_at]};
  if (asked.second_path) put_mac(frame, destination_at, own_);
  if (asked.command == static_cast<std::uint8_t>(Command::ata) && frame.size() >= data_at)
    disguise_request(frame, asked);
  if (asked_.size() >= asked_max) asked_.clear();
  asked_.insert_or_assign(tag_of(bytes), asked);
  return frame;
}

void Guise::disguise_request(std::vector<std::uint8_t>& frame, Asked& asked) const {
  asked.opcode = ata::Opcode{frame[opcode_at]};
  std::copy_n(frame.begin() + lba_at, asked.lba.size(), asked.lba.begin());
  const bool extended = (frame[ata_flags_at] & extended_flag) != 0;
  if (extended && says_.lba48 == false) {
    frame[opcode_at] = unknown_opcode;
  } else if (has_place(asked.opcode) && (base_ > 0 || says_.size)) {
    const std::uint64_t mask = extended ? lba48_mask : lba28_mask;
    const std::uint64_t lba = lba_in(frame, extended);
    const std::uint64_t end = says_.size ? base_ + *says_.size : UINT64_MAX;
    // What is not there is beyond the target's end.
    const bool is_there = lba >= base_ && lba + frame[count_at] <= end;
    put_lba(frame, extended, is_there ? lba - base_ : mask);
    asked.moved = true;
  }
}

// What is sent.

Guise::Frames Guise::sent(Bytes bytes) {
  std::vector<std::uint8_t> frame(bytes.begin(), bytes.end());
  if (!is_aoe(bytes) || !is_response(bytes)) return {std::move(frame)};
  own_ = mac_at(bytes, source_at);
  const auto found = asked_.find(tag_of(bytes));
  const Asked asked = found == asked_.end() || found->second.command != frame[command_at]
                          ? Asked{.everyone = mac_at(bytes, destination_at).is_multicast()}
                          : found->second;
  const bool is_error = (frame[flags_at] & error_flag) != 0;
  if (frame[command_at] == static_cast<std::uint8_t>(Command::config)) {
    if (!is_error && frame.size() >= config_size) {
      config_ = frame;
      disguise_config(frame);
    }
  } else if (frame[command_at] == static_cast<std::uint8_t>(Command::ata) && !is_error &&
             frame.size() >= data_at) {
    if (asked.opcode == ata::Opcode::identify_device && frame.size() >= data_at + identify_size)
      disguise_identity(MutableBytes(frame).subspan(data_at, identify_size));
    if (asked.moved) std::ranges::copy(asked.lba, frame.begin() + lba_at);
  }
  if (asked.second_path) return {from_second_path(std::move(frame))};
  if (paths_ < 2 || !asked.everyone) return {std::move(frame)};
  return {frame, from_second_path(frame)};
}

void Guise::disguise_config(std::vector<std::uint8_t>& frame) const {
  if (says_.buffers) Writer(MutableBytes(frame).subspan(buffers_at)).u16(*says_.buffers);
  if (says_.sectors) frame[sectors_at] = *says_.sectors;
}

void Guise::disguise_identity(MutableBytes block) const {
  const bool knows_lba48 = (word(block, 83) & 1 << 10) != 0;
  const bool has_checksum = (word(block, 255) & 0xff) == integrity_signature;
  const bool lba48 = knows_lba48 && says_.lba48 != false;
  std::uint64_t sectors = 0;
  for (std::size_t i = knows_lba48 ? 4 : 2; i-- > 0;)
    sectors = sectors << 16 | word(block, (knows_lba48 ? 100 : 60) + i);
  sectors = base_ + says_.size.value_or(sectors);
  put_words(block, 60, 2, std::min(sectors, ata::lba28_sectors_max));
  put_words(block, 100, 4, lba48 ? sectors : 0);
  if (says_.lba48 == false) {
    for (const std::size_t number : {83, 86})
      put_words(block, number, 1, word(block, number) & ~unsigned{lba48_bits});
    put_words(block, 169, 1, 0);  // TRIM has 48 bits
  }
  for (const auto& [number, value] : says_.words) put_words(block, number, 1, value);
  if (says_.words.contains(255)) return;
  const Says::Checksum checksum =
      says_.checksum.value_or(has_checksum ? Says::Checksum::right : Says::Checksum::none);
  block[510] = checksum == Says::Checksum::none ? 0 : integrity_signature;
  block[511] = 0;
  if (checksum == Says::Checksum::none) return;
  const auto sum = std::accumulate(block.begin(), block.end(), 0U);
  block[511] = static_cast<std::uint8_t>(0U - sum - (checksum == Says::Checksum::wrong ? 1 : 0));
}

Guise::Frames Guise::announce() const {
  if (config_.empty()) return {};
  std::vector<std::uint8_t> frame = config_;
  put_mac(frame, destination_at, Mac::broadcast());
  put_mac(frame, source_at, own_);
  std::fill_n(frame.begin() + tag_at, 4, std::uint8_t{0});
  disguise_config(frame);
  if (paths_ < 2) return {std::move(frame)};
  return {frame, from_second_path(frame)};
}

}  // namespace aoe::harness
