#include "harness/selftest/mutants.h"

#include <algorithm>

#include "base/check.h"
#include "config/yaml_map.h"
#include "harness/selftest/mutant_words.h"

namespace aoe::harness {
namespace {

using namespace mutant_words;
using enum MutantRow::At;

constexpr std::uint64_t client = 0x0200'0000'0001;
constexpr std::uint64_t server = 0x0200'0000'0002;
constexpr std::uint64_t nobody = 0x0200'0000'0099;
constexpr std::uint64_t everybody = 0xffff'ffff'ffff;
constexpr std::uint64_t any_shelf = Address::any_shelf;
constexpr std::uint64_t any_slot = Address::any_slot;
/// No command of a config string, mask list or reservation: answered with error 2.
constexpr std::uint64_t no_subcommand = 7;
/// No command of a disk: answered with ABRT.
constexpr std::uint64_t no_op = 0x5a;
constexpr std::uint64_t idle = static_cast<std::uint64_t>(Opcode::idle);
constexpr std::size_t two_sectors = ata_header_size + 2 * sector_size;  // a read's answer
constexpr std::uint64_t async_flag = 0x02;                              // of ata_flags
constexpr std::uint8_t drdy_err = ata::status_drdy | ata::status_err;

// What single rows need.

bool announced_before(Bytes frame, P& p) {
  return p.memory.announced_to.contains(value_of(destination, frame));
}
bool all_zero(Bytes frame, P&) {
  return frame.size() > two_sectors - 1 &&
         std::ranges::all_of(frame.subspan(ata_header_size),
                             [](std::uint8_t byte) { return byte == 0; });
}
const Test trim = op({Opcode::data_set_management});
const Test smart = op({Opcode::smart});

const Test optional_op =
    op({Opcode::read_dma, Opcode::read_dma_ext, Opcode::write_dma, Opcode::write_dma_ext,
        Opcode::smart, Opcode::data_set_management, Opcode::idle, Opcode::idle_immediate,
        Opcode::standby, Opcode::standby_immediate});
const Test beside_holder = both(some(&Memory::holders), from_stranger);
const Test renewal = both(both(is(reserve_op, 1), above(reserve_count, 0)),
                          both(some(&Memory::holders), no(from_stranger)));

/// Of the lists of scenarios/target/lists-to-their-ends.yaml, and strangers.
const Test seventeenth_and_later = between(source, 0x0200'0001'0010, 0x0200'0001'00ff);

bool next_shelf(Bytes frame, P& p) {
  return !p.memory.first.empty() && value_of(shelf, frame) == value_of(shelf, p.memory.first) + 1;
}
bool same_as_last(Bytes frame, P& p) {
  return std::ranges::equal(frame, p.memory.last);
}
/// The sixteenth request in a row that asks for the same.
bool sixteenth_alike(Bytes frame, P& p) {
  const Bytes last = p.memory.last;
  const bool is_alike = last.size() == frame.size() && last.size() > header_size &&
                        value_of(source, last) == value_of(source, frame) &&
                        std::ranges::equal(last.subspan(header_size), frame.subspan(header_size));
  p.memory.count = is_alike ? p.memory.count + 1 : 1;
  return p.memory.count == 16;
}
bool same_string(Bytes frame, P& p) {
  return std::ranges::equal(string_of(frame), p.memory.string);
}
bool no_string_yet(Bytes, P& p) {
  return p.memory.string.empty();
}
const Test first_string =
    both(both(is(config_op, 3), no_string_yet), both(whole, between(config_length, 0, 100)));
bool unknown_op(Bytes frame, P& p) {
  return of_ata(frame, p) && ata::name(Opcode(value_of(ata_op, frame))) == "ATA";
}
bool lba24(Bytes frame, P&) {
  return lba_of(frame) < 0x100'0000;
}
bool beyond_lba48(Bytes frame, P& p) {
  return of_ata(frame, p) && lba_of(frame) + value_of(ata_count, frame) > ata::lba48_sectors_max;
}

void die(P& p) {
  p.memory.dead = true;
}
void flip_last_bit(P& p) {
  p.frame.back() ^= 1;
}
void scribble_last(P& p) {
  p.frame.back() = 0x5a;
}
void unpad(P& p) {
  p.frame.resize(claimed_size(p.frame));
}
void cut_a_byte(P& p) {
  p.frame.pop_back();
}
void zero_second_sector(P& p) {
  zero_from(p.frame, ata_header_size + sector_size);
}
void forget_string(P& p) {
  put_in(p.frame, config_length, 0);
  zero_from(p.frame, config_header_size);
}
void forget_mask(P& p) {
  put_in(p.frame, mask_count, 0);
  zero_from(p.frame, layout::offset(mask_directive_reserved));
}
void forget_holders(P& p) {
  put_in(p.frame, reserve_count, 0);
  zero_from(p.frame, layout::offset(reserve_address));
}
void end_string_at_zero(P& p) {
  const Bytes string = string_of(p.frame);
  const auto length = std::ranges::find(string, 0) - string.begin();
  put_in(p.frame, config_length, static_cast<std::uint64_t>(length));
}
/// A mask list or a reservation loses its last entry.
void shorten_list(P& p) {
  add(of_mask(p.frame, p) ? mask_count : reserve_count, ~std::uint64_t{0})(p);
  const std::size_t size = claimed_size(p.frame);
  p.frame.resize(std::max(size, frame_size_min));
  zero_from(p.frame, size);
}
void reverse_directives(P& p) {
  const auto at = [&](std::size_t i) {
    return p.frame.begin() +
           static_cast<std::ptrdiff_t>(layout::offset(mask_directive_reserved, i));
  };
  for (std::size_t i = 0; i < 2; ++i) std::swap_ranges(at(i), at(i + 1), at(4 - i));
}
void add_where_none(P& p) {
  for (std::size_t i = 0; layout::has(mask_directive_address, p.frame, i); ++i) {
    const bool is_none = layout::get(mask_directive_op, p.frame, i) == 0;
    if (is_none && i < value_of(mask_count, p.frame)) layout::set(mask_directive_op, p.frame, 1, i);
  }
}
void count_write(P& p) {
  ++p.memory.count;
}
void flush_one_write(P& p) {
  if (std::exchange(p.memory.count, 0U) > 1) put_in(p.frame, ata_op, idle);
}
/// The client has its answer; the write is done after the fourth of the other requests.
void delay_write(P& p) {
  p.memory.writes.push_back(p.frame);
  answer_at_once()(p);
}
void do_late_write(P& p) {
  auto& writes = p.memory.writes;
  if (writes.empty() || ++p.memory.count % 4 != 0) return;
  p.more.push_back(writes.front());
  writes.erase(writes.begin());
}
/// The write of the same sectors before this one is done again after it.
void redo_older_write(P& p) {
  auto& writes = p.memory.writes;
  const auto older = std::ranges::find(writes, lba_of(p.frame), lba_of);
  if (older == writes.end()) return writes.push_back(p.frame);
  p.more.push_back(std::exchange(*older, p.frame));
}

/// At the first repetition of a read: all other reads that are unanswered are repeated, too.
void repeat_all_reads(P& p) {
  if (p.memory.count > 0) return;
  std::map<std::uint64_t, FrameCopy> others;  // by order
  for (const auto& [number, each] : p.memory.asked) {
    const bool is_other = lba_of(each.frame) != lba_of(p.frame);
    if (each.answers == 0 && is_other && read(each.frame, p)) others[each.order] = each.frame;
  }
  for (const auto& [order, other] : others) {
    put_in(p.more.emplace_back(other), tag, foreign_tag + p.memory.count++);
  }
}
void ask_for_sixteen_more(P& p) {
  for (std::uint64_t i = 1; i <= 16; ++i) {
    FrameCopy& copy = p.more.emplace_back(p.frame);
    put_in(copy, tag, foreign_tag + i);
    put_in(copy, ata_lba, value_of(ata_lba, copy) + 2 * i);
  }
}
void trim_as_well(P& p) {
  FrameCopy& copy = p.more.emplace_back(p.frame);
  put_in(copy, tag, foreign_tag + p.memory.requests);
  put_in(copy, ata_op, static_cast<std::uint64_t>(Opcode::data_set_management));
}
void take_last_tag(P& p) {
  put_in(p.frame, tag, value_of(tag, p.memory.last));
}
/// Answers are told apart by what they are about.
void take_tag_of_lba(P& p) {
  std::uint64_t order = 0;
  for (const auto& [number, each] : p.memory.asked) {
    if (lba_of(each.frame) != lba_of(p.frame) || each.order < order) continue;
    order = each.order;
    put_in(p.frame, tag, number);
  }
}
void take_for_whole(P& p) {
  const auto* oldest = p.memory.oldest();
  if (p.frame.size() < header_size && oldest != nullptr) p.frame = ata_answer(oldest->frame, 1024);
  if (!p.request.empty()) p.frame = ata_answer(p.request, 1024);
}
void take_for_success(P& p) {
  p.frame = ata_answer(p.request, p.frame.size() - ata_header_size);
}
void take_for_ones_own(P& p) {
  if ((value_of(destination, p.frame) >> 40 & 1) == 0)
    put_in(p.frame, destination, p.memory.own_mac);
}
void fill_up(P& p) {
  p.frame.resize(std::max(p.frame.size(), claimed_size(p.request)));
}
/// The low half of the size in words 60 and 61, however large it is.
void unclamp(P& p) {
  const MutableBytes block = MutableBytes(p.frame).subspan(ata_header_size);
  set_identify_words(block, 60, 2, identify_words(block, 100, 4) & UINT32_MAX);
  seal_identify(block);
}
/// 1024 sectors more than IDENTIFY says.
void enlarge(P& p) {
  const MutableBytes block = MutableBytes(p.frame).subspan(ata_header_size);
  const auto add = [&](std::size_t word, std::size_t count, std::uint64_t most) {
    const std::uint64_t sectors = identify_words(block, word, count) + 1024;
    set_identify_words(block, word, count, std::min(sectors, most));
  };
  add(60, 2, ata::lba28_sectors_max);
  add(100, 4, ata::lba48_sectors_max);
  seal_identify(block);
}

// A table, laid out as one.
// clang-format off
const std::vector<MutantRow>& rows() {
  static const std::vector<MutantRow> all{
  // Targets: §2
  {target, "2/1", "answers-to-everybody", {answers({}, {put(destination, everybody)})}},
  {target, "2/2", "answers-from-elsewhere", {answers({}, {raise(source, 0x40)})}},
  {target, "2/3", "forgets-flag-r", {answers({good}, {clear(flags, flag_response)})}},
  {target, "2/4", "answers-as-version-2", {answers({}, {put(version, 2)})}},
  {target, "2/4", "refuses-as-version-0", {answers({refused}, {put(version, 0)})}},
  {target, "2/5", "sets-a-reserved-flag", {answers({good}, {raise(flags, 1)})}},
  {target, "2/6", "names-another-command", {answers({good}, {raise(command, 0x10)})}},
  {target, "2/7", "clears-bit-31-of-the-tag", {answers({}, {clear(tag, 0x8000'0000)})}},
  {target, "2/7", "mistakes-one-tag-in-500",
   {answers({of_ata, every(500)}, {put(tag, foreign_tag)})}},
  {target, "2/7", "answers-one-in-300-twice", {answers({of_ata, every(300)}, {twice})}},
  {target, "2/8", "answers-by-the-wildcard",
   {answers({asks(is(shelf, any_shelf)), asks(is(slot, any_slot))}, {put(slot, any_slot)})}},
  {target, "2/9", "ignores-any-shelf-for-a-slot",
   {requests({is(shelf, any_shelf), no(is(slot, any_slot))}, {swallow})}},
  {target, "2/10", "answers-for-the-next-shelf", {requests({next_shelf}, {as_first(shelf)})}},
  {target, "2/11", "heeds-answers",
   {requests({with(flags, flag_response)}, {clear(flags, flag_response | flag_error)})}},
  {target, "2/12", "dies-of-a-short-frame", {requests({sized(0, header_size - 1)}, {die})}},
  {target, "2/13", "minds-trailing-bytes",
   {requests({is(config_op, 0), overlong}, {put(config_op, no_subcommand)})}},
  {target, "2/14", "answers-a-copy-with-silence", {requests({same_as_last}, {swallow})}},
  {target, "2/14", "forgets-one-answer-in-300", {answers({of_ata, every(300)}, {swallow})}},
  {target, "2/14", "dies-of-its-1000th-request", {requests({after(999)}, {die})}},
  {target, "2/15", "does-not-pad", {answers({of_config, no(refused)}, {unpad})}},
  {target, "2/16", "leaves-an-error-code", {answers({no(refused)}, {put(Field::error, 2)})}},
  {target, "2/17", "lets-one-lun-answer-for-all",
   {answers({asks(is(slot, any_slot)), asks(no(is(shelf, any_shelf))), answered_before},
            {swallow})}},
  {target, "2/18", "fills-up-with-old-bytes",
   {answers({is(config_length, 0), no(refused)}, {scribble_last})}},
  {target, "2/19", "answers-a-group",
   {requests({with(source, 0x0100'0000'0000)}, {put(source, client)})}},
  {target, "2/20", "answers-for-another-station",
   {requests({is(destination, nobody)}, {put(destination, server)})}},
  {target, "2/21", "dies-of-a-reserved-flag", {requests({with(flags, 3)}, {die})}},
  {target, "2/21", "dies-of-reserved-aflags", {requests({with(ata_flags, 0xac)}, {die})}},

  // §2.4
  {target, "2.4/1", "calls-an-unknown-command-a-bad-argument",
   {answers({refused, is(Field::error, 1)}, {put(Field::error, 2)})}},
  {target, "2.4/2", "accepts-version-0", {requests({is(version, 0)}, {put(version, 1)})}},
  {target, "2.4/3", "forgets-flag-r-of-errors",
   {answers({refused}, {clear(flags, flag_response)})}},
  {target, "2.4/4", "fails-with-flag-e-and-no-error", {answers({failed}, {raise(flags, flag_error)})}},
  {target, "2.4/4", "tells-what-the-disk-refuses-as-an-error",
   {answers({failed}, refuse(ErrorCode::device_unavailable))}},
  {target, "2.4/5", "leaks-behind-an-error", {answers({refused}, {scribble_last})}},
  {target, "2.4/6", "is-silent-when-the-disk-fails", {answers({disk_failed}, {swallow})}},
  {target, "2.4/7", "dies-of-a-vendors-command", {requests({between(command, 240, 255)}, {die})}},

  // §3.1
  {target, "3.1/1", "flips-a-bit-of-what-is-read",
   {answers({asks(op({Opcode::read_sectors_ext})), done}, {flip_last_bit})}},
  {target, "3.1/2", "writes-zeros-to-the-second-sector",
   {requests({op({Opcode::write_sectors}), is(ata_count, 2), whole}, {zero_second_sector})}},
  {target, "3.1/2", "skips-zeros", {requests({write, all_zero}, {answer_at_once()})}},
  {target, "3.1/2", "loses-each-100th-write",
   {requests({write, every(100)}, {answer_at_once()})}},
  {target, "3.1/3", "leaves-the-count", {answers({asks(read), done}, {as_asked(ata_count)})}},
  {target, "3.1/4", "forgets-drdy", {answers({asks(either(read, write)), done}, status(0))}},
  {target, "3.1/5", "reads-less-than-it-was-asked-for",
   {requests({read, is(ata_count, 3)}, {put(ata_count, 2)})}},
  {target, "3.1/6", "takes-a-count-of-0-for-1",
   {requests({read, is(ata_count, 0)}, {put(ata_count, 1)})}},
  {target, "3.1/7", "writes-beyond-the-frame",
   {requests({write, between(ata_count, 0, 2)}, {make_whole})}},
  {target, "3.1/8", "refuses-a-write-with-bytes-beyond",
   {requests({write, above(ata_count, 0), overlong}, {put(ata_op, no_op)})}},
  {target, "3.1/9", "aborts-beyond-the-end",
   {answers({failed, is(ata_error, ata::error_idnf), asks(lba24)},
            {put(ata_error, ata::error_abrt)})}},
  {target, "3.1/10", "wraps-around", {requests({beyond_lba48}, {put(ata_lba, 0)})}},
  {target, "3.1/11", "knows-every-ata-command",
   {answers({asks(unknown_op), failed}, status(drdy))}},
  {target, "3.1/12", "identifies-one-sector-less",
   {answers({asks(identify), done}, {change_word(100, 0xffff, ~std::uint64_t{0})})}},
  {target, "3.1/12", "does-not-clamp-words-60-and-61",
   {answers({asks(identify), done}, {unclamp})}},
  {target, "3.1/13", "clears-word-84",
   {answers({asks(identify), done}, {change_word(84, 0x00ff, 0)})}},
  {target, "3.1/14", "identifies-with-a-wrong-checksum",
   {answers({asks(identify), done}, {flip_last_bit})}},
  {target, "3.1/15", "flushes-without-drdy",
   {answers({asks(op({Opcode::flush_cache})), done}, status(0))}},
  {target, "3.1/16", "aborts-flush-ext",
   {answers({asks(op({Opcode::flush_cache_ext})), done}, status(drdy_err, ata::error_abrt))}},
  {target, "3.1/17", "hides-that-a-flush-failed",
   {answers({asks(flush), disk_failed}, status(drdy))}},
  {target, "3.1/18", "is-in-standby",
   {answers({asks(op({Opcode::check_power_mode})), done}, {put(ata_count, 0)})}},
  {target, "3.1/19", "takes-24-bits-of-lba",
   {requests({of_ata, no(with(ata_flags, extended_flag))}, {clear(ata_lba, 0x0f00'0000)})}},
  {target, "3.1/19", "takes-other-bits-for-lba28",
   {requests({of_ata, no(with(ata_flags, extended_flag)), with(ata_lba, 0xff'0000'0000)},
             {add(ata_lba, 1)})}},
  {target, "3.1/20", "takes-32-bits-of-lba",
   {requests({of_ata, with(ata_flags, extended_flag)}, {clear(ata_lba, 0xffff'0000'0000)})}},
  {target, "3.1/21", "sets-the-reserved-bytes", {answers({of_ata}, {put(ata_reserved, 0x5a)})}},
  {target, "3.1/22", "advertises-more-than-it-knows",
   {answers({asks(optional_op), done}, status(drdy_err, ata::error_abrt))}},
  {target, "3.1/22", "trims-nothing", {requests({trim}, {answer_at_once()})}},
  {target, "3.1/22", "trims-beyond-its-end", {answers({asks(trim), failed}, status(drdy))}},
  {target, "3.1/22", "says-nothing-of-its-health",
   {answers({asks(smart), done}, {put(ata_lba, 0)})}},
  {target, "3.1/22", "knows-no-key-of-smart",
   {answers({asks(smart), failed}, status(drdy))}},
  {target, "3.1/22", "miscounts-its-smart-data",
   {answers({asks(smart), done, sized(ata_header_size + sector_size)},
            {flip_last_bit})}},
  {target, "3.1/23", "forgets-asynchronous-writes",
   {requests({write, with(ata_flags, async_flag)}, {put(ata_flags, 0), put(ata_op, idle)})}},
  {target, "3.1/24", "reads-registers-beyond-the-frame",
   {requests({is(command, 0), sized(header_size, ata_header_size - 1)}, {grow(frame_size_min)})}},
  {target, "3.1/25", "hides-that-a-read-failed",
   {answers({asks(read), disk_failed}, status(drdy))}},
  {target, "3.1/26", "hides-that-a-write-failed",
   {answers({asks(write), disk_failed}, status(drdy))}},
  {target, "3.1/27", "flushes-one-write-at-most",
   {requests({write}, {count_write}), requests({flush}, {flush_one_write})}},

  // §3.2
  {target, "3.2/1", "reads-no-string-where-one-is-brought",
   {requests({is(config_op, 0), whole, above(config_length, 0)}, {swallow})}},
  {target, "3.2/2", "does-not-know-its-long-string",
   {requests({is(config_op, 1), above(config_length, 8)}, {swallow})}},
  {target, "3.2/3", "does-not-know-its-long-prefix",
   {requests({is(config_op, 2), above(config_length, 4)}, {swallow})}},
  {target, "3.2/4", "answers-whatever-is-tested",
   {requests({between(config_op, 1, 2)}, {put(config_op, 0)}),
    answers({asks(of_config)}, {as_asked(config_op)})}},
  {target, "3.2/5", "takes-no-first-string",
   {requests({first_string}, {put(config_op, no_subcommand)}),
    answers({asks(first_string)}, refuse(ErrorCode::config_string_present))}},
  {target, "3.2/6", "sets-over-another-string",
   {requests({is(config_op, 3)}, {put(config_op, 4)}),
    answers({asks(is(config_op, 3)), no(refused)}, {as_asked(config_op)})}},
  {target, "3.2/7", "keeps-its-first-string",
   {requests({is(config_op, 4), no(no_string_yet)}, {put(config_op, 0)}),
    answers({asks(is(config_op, 4)), no(refused)}, {as_asked(config_op)})}},
  {target, "3.2/8", "takes-ccmd-8-for-a-read", {requests({is(config_op, 8)}, {put(config_op, 0)})}},
  {target, "3.2/9", "tells-its-string-to-a-read-only",
   {answers({asks(above(config_op, 0)), no(refused)}, {forget_string})}},
  {target, "3.2/10", "cuts-a-string-beyond-1024",
   {requests({whole, above(config_length, 1024)}, {put(config_length, 1024)})}},
  {target, "3.2/11", "takes-a-string-beyond-the-frame",
   {requests({between(config_length, 0, 1024)}, {make_whole})}},
  {target, "3.2/11", "dies-of-a-read-beyond-the-frame",
   {requests({is(config_op, 0), no(whole)}, {die})}},
  {target, "3.2/12", "takes-1023-bytes",
   {requests({is(config_length, 1024), above(config_op, 2)}, {put(config_op, no_subcommand)})}},
  {target, "3.2/12", "ends-a-string-at-a-zero",
   {requests({of_config, whole}, {end_string_at_zero})}},
  {target, "3.2/13", "says-config-version-0", {answers({no(refused)}, {put(config_version, 0)})}},
  {target, "3.2/14", "has-a-buffer-less", {requests({of_ata, sixteenth_alike}, {swallow})}},
  {target, "3.2/15", "takes-two-sectors-at-most",
   {requests({either(read, write), between(ata_count, 3, 17)}, {put(ata_op, no_op)})}},
  {target, "3.2/16", "forgets-its-string",
   {answers({some(&Memory::restarts), of_config, no(refused)}, {forget_string})}},
  {target, "3.2/17", "announces-itself-to-nobody", {announcements({no(announced_before)}, {put(destination, nobody)})}},
  {target, "3.2/18", "announces-itself-as-version-0", {announcements({}, {put(version, 0)})}},
  {target, "3.2/19", "refuses-the-same-string",
   {requests({is(config_op, 3), same_string}, {put(config_op, no_subcommand)}),
    answers({asks(is(config_op, 3)), asks(same_string)},
            refuse(ErrorCode::config_string_present))}},

  // §3.3
  {target, "3.3/1", "lists-all-but-one",
   {answers({asks(is(mask_op, 0)), no(refused), above(mask_count, 0)}, {shorten_list})}},
  {target, "3.3/2", "edits-backwards", {requests({is(mask_count, 5)}, {reverse_directives})}},
  {target, "3.3/3", "takes-none-for-add", {requests({of_mask}, {add_where_none})}},
  {target, "3.3/4", "counts-the-bad-directive",
   {answers({is(mask_error, 2)}, {add(mask_count, 1)})}},
  {target, "3.3/5", "takes-mcmd-2-for-a-read", {requests({is(mask_op, 2)}, {put(mask_op, 0)})}},
  {target, "3.3/6", "does-not-say-that-its-list-is-full",
   {answers({is(mask_error, 3)}, {put(mask_error, 1)})}},
  {target, "3.3/7", "stays-closed",
   {requests({some(&Memory::edits), no(some(&Memory::masked)), from_stranger}, {swallow})}},
  {target, "3.3/7", "is-closed-from-the-start",
   {requests({of_mask, no(some(&Memory::edits)), from_stranger}, {swallow})}},
  {target, "3.3/8", "tells-its-config-to-everyone",
   {requests({of_config, some(&Memory::masked)}, {put(source, client)})}},
  {target, "3.3/9", "takes-directives-beyond-the-frame", {requests({of_mask}, {make_whole})}},
  {target, "3.3/10", "can-not-tell-its-whole-list",
   {answers({asks(is(mask_op, 0)), above(mask_count, 180)}, {swallow})}},
  {target, "3.3/11", "answers-sixteen-addresses",
   {requests({some(&Memory::masked), seventeenth_and_later}, {swallow})}},

  {target, "3.3/12", "forgets-its-mask-list",
   {answers({some(&Memory::restarts), asks(is(mask_op, 0)), no(refused)}, {forget_mask})}},

  // §3.4
  {target, "3.4/1", "lists-two-holders-at-most",
   {answers({asks(is(reserve_op, 0)), above(reserve_count, 2)}, {shorten_list})}},
  {target, "3.4/2", "refuses-its-holder",
   {requests({renewal}, {put(reserve_op, no_subcommand)}),
    answers({asks(renewal), refused}, refuse(ErrorCode::target_reserved))}},
  {target, "3.4/3", "lets-a-stranger-set",
   {requests({is(reserve_op, 1), from_stranger}, {put(reserve_op, 2)}),
    answers({asks(of_reserve), no(refused)}, {as_asked(reserve_op)})}},
  {target, "3.4/4", "can-not-be-forced",
   {requests({is(reserve_op, 2), from_stranger}, {put(reserve_op, 1)})}},
  {target, "3.4/5", "is-never-released",
   {requests({is(reserve_count, 0), between(reserve_op, 0, 2), no(from_stranger)},
             {put(reserve_op, 0)}),
    answers({asks(of_reserve), no(refused)}, {as_asked(reserve_op)})}},
  {target, "3.4/6", "lets-a-stranger-write",
   {requests({op({Opcode::write_sectors})}, {put(source, client)})}},
  {target, "3.4/7", "identifies-itself-to-its-holder-only",
   {answers({asks(identify), asks(beside_holder)}, refuse(ErrorCode::target_reserved))}},
  {target, "3.4/8", "tells-its-config-to-its-holder-only",
   {answers({asks(of_config), asks(beside_holder)}, refuse(ErrorCode::target_reserved))}},
  {target, "3.4/9", "takes-rcmd-3-for-a-read",
   {requests({is(reserve_op, 3)}, {put(reserve_op, 0)})}},
  {target, "3.4/10", "takes-addresses-beyond-the-frame", {requests({of_reserve}, {make_whole})}},
  {target, "3.4/11", "serves-sixteen-holders",
   {answers({some(&Memory::holders), asks(of_ata), asks(seventeenth_and_later)},
            refuse(ErrorCode::target_reserved))}},

  // What initiators need
  {target, "3.4/12", "forgets-its-reservation",
   {answers({some(&Memory::restarts), asks(is(reserve_op, 0)), no(refused)}, {forget_holders})}},

  {target, "profile/announce-changes", "does-not-say-what-changed",
   {announcements({announced_before}, {swallow})}},
  {target, "profile/interop-buffers", "has-one-buffer",
   {answers({of_config, no(refused)}, {put(config_buffers, 1)})}},
  {target, "profile/interop-identify", "tells-of-lba48-in-word-83-alone",
   {answers({asks(identify), done}, {change_word(86, 0xfbff, 0)})}},

  // Targets: checks of `always`, words of `expect`.
  {target, "no-unasked-reply", "answers-twice", {answers({of_ata}, {twice})}},
  {target, "no-unasked-reply", "answers-unasked", {answers({of_ata}, {twice_with_other_tags})}},
  {target, "no-unasked-reply", "answers-with-another-tag",
   {answers({of_ata}, {put(tag, foreign_tag)})}},
  {target, "data-integrity", "flips-a-bit",
   {answers({of_ata, sized(two_sectors, two_sectors)}, {flip_last_bit})}},
  {target, "data-integrity", "reads-the-next-sector", {requests({read}, {add(ata_lba, 1)})}},
  {target, "data-integrity", "forgets-writes", {requests({write}, {answer_at_once()})}},
  {target, "data-integrity", "acknowledges-before-writing",
   {requests({asks(no(write))}, {do_late_write}), requests({write}, {delay_write})}},
  {target, "data-integrity", "repeats-old-writes", {requests({write}, {redo_older_write})}},
  {target, "flushed-survives", "forgets-flushes", {requests({flush}, {answer_at_once()})}},
  {target, "access-respected", "refuses-what-its-holder-writes",
   {answers({some(&Memory::holders), asks(write)}, refuse(ErrorCode::target_reserved))}},
  {target, "discover", "never-identifies", {requests({identify}, {swallow})}},
  {target, "io", "fails-reads", {requests({read}, {answer_at_once(drdy_err, ata::error_abrt)})}},
  {target, "io", "hides-errors", {answers({of_ata}, status(drdy))}},
  {target, "io", "falls-silent", {requests({of_ata, no(identify), after(8)}, {swallow})}},
  {target, "device", "shows-up-once", {requests({of_config, after(1)}, {swallow})}},
  {target, "reply", "never-refuses",
   {answers({}, {clear(flags, flag_error), put(Field::error, 0)})}},
  {target, "reply", "answers-for-others",
   {requests({no(is(shelf, any_shelf)), no(is(slot, any_slot))},
             {as_first(shelf), as_first(slot)})}},

  // Initiators: §2
  {initiator, "2/30", "asks-with-version-0", {requests({}, {put(version, 0)})}},
  {initiator, "2/30", "asks-with-flag-r", {requests({of_ata}, {raise(flags, flag_response)})}},
  {initiator, "2/32", "takes-any-tag", {answers({of_ata, no(known)}, {to_oldest})}},
  {initiator, "2/32", "takes-any-command",
   {answers({known, sized(ata_header_size)}, {put(command, 0)})}},
  {initiator, "2/33", "takes-frames-without-flag-r",
   {answers({known, no(with(flags, flag_response))}, {raise(flags, flag_response)})}},
  {initiator, "2/34", "takes-answers-of-any-disk",
   {answers({known}, {as_asked(shelf), as_asked(slot)})}},
  {initiator, "2/35", "makes-devices-of-wildcards",
   {answers({of_config, is(shelf, any_shelf)}, {put(shelf, 0xff)}),
    answers({of_config, is(slot, any_slot)}, {put(slot, 0)})}},
  {initiator, "2/36", "takes-second-answers-for-others",
   {answers({of_ata, answered_before}, {to_oldest})}},
  {initiator, "2/37", "takes-any-version", {answers({}, {put(version, 1)})}},
  {initiator, "2/38", "takes-answers-in-order", {answers({of_ata, known}, {to_oldest})}},
  {initiator, "2/39", "takes-short-answers",
   {answers({sized(0, ata_header_size - 1)}, {take_for_whole})}},
  {initiator, "2/41", "takes-what-others-are-sent", {answers({}, {take_for_ones_own})}},
  // §2.4, §3.1
  {initiator, "2.4/10", "takes-errors-for-successes",
   {answers({known, refused, sized(ata_header_size)}, {take_for_success})}},
  {initiator, "3.1/40", "asks-for-too-much",
   {requests({read, above(ata_count, 1)}, {put(ata_count, 3)})}},
  {initiator, "3.1/40", "cuts-writes-short", {requests({write}, {cut_a_byte})}},
  {initiator, "3.1/41", "ignores-the-status", {answers({of_ata}, status(drdy))}},
  {initiator, "3.1/42", "fills-up-short-data", {answers({of_ata, asks(read)}, {fill_up})}},
  {initiator, "3.1/43", "asks-with-48-bits-always",
   {requests({either(op({Opcode::read_sectors}), op({Opcode::write_sectors}))},
             {add(ata_op, 4), raise(ata_flags, extended_flag)})}},
  {initiator, "3.1/44", "believes-in-a-larger-disk",
   {answers({of_ata, asks(identify), sized(ata_header_size + identify_size)}, {enlarge})}},
  {initiator, "3.1/48", "trims-unasked",
   {requests({write, every(10)}, {trim_as_well})}},
  {initiator, "3.1/47", "keeps-flushes-to-itself", {requests({flush}, {answer_at_once()})}},
  // §3.2
  {initiator, "3.2/30", "discovers-one-address",
   {requests({of_config}, {put(destination, server)})}},
  {initiator, "3.2/30", "sets-counts-in-queries",
   {requests({of_config}, {put(config_buffers, 16)})}},
  {initiator, "3.2/31", "thinks-of-sixty-buffers",
   {answers({of_config}, {put(config_buffers, 60)})}},
  {initiator, "3.2/32", "takes-what-a-frame-carries",
   {answers({of_config}, {put(config_sectors, 255)})}},

  {initiator, "profile/tag-bit-31", "takes-tags-of-drivers",
   {requests({}, {clear(tag, 0x8000'0000)}), answers({}, {raise(tag, 0x8000'0000)})}},
  {initiator, "profile/discovery-early", "asks-once", {requests({of_config, after(1)}, {swallow})}},

  // Initiators: checks of `always`, words of `expect`.
  {initiator, "tag-unique-in-flight", "uses-one-tag",
   {requests({of_ata}, {put(tag, foreign_tag)}), answers({of_ata, no(known)}, {take_tag_of_lba})}},
  {initiator, "tag-unique-in-flight", "reuses-tags", {requests({read, every(2)}, {take_last_tag})}},
  {initiator, "window-respected", "overruns-buffers", {requests({read}, {ask_for_sixteen_more})}},
  {initiator, "window-respected", "ignores-the-window",
   {answers({of_config}, {put(config_buffers, 0xffff)})},
   [](initiator::Parameters& parameters) { parameters.maxout = 0xffff; }},
  {initiator, "no-early-retransmit", "repeats-early", {requests({read}, {twice_with_other_tags})}},
  {initiator, "no-early-retransmit", "repeats-early-by-the-same-tag", {requests({read}, {twice})}},
  {initiator, "data-integrity", "forgets-repeated-writes",
   {requests({write, repeated(1)}, {put(ata_flags, 0), put(ata_op, idle)})}},
  {initiator, "io", "keeps-to-an-address", {requests({of_ata}, {as_first(destination)})}},
  {initiator, "retransmit", "never-repeats", {requests({repeated(1)}, {swallow})}},
  {initiator, "retransmit", "repeats-late", {requests({repeated(1, 1)}, {swallow})}},
  {initiator, "outstanding", "repeats-all-at-once",
   {requests({read, repeated(1)}, {repeat_all_reads})}},
  {initiator, "device", "gives-up-early", {}, [](initiator::Parameters& p) { p.deadsecs /= 2; }},
  {initiator, "device", "never-gives-up", {}, [](initiator::Parameters& p) { p.deadsecs = {}; }},
  {initiator, "hits", "never-asks", {requests({of_ata, no(identify)}, {swallow})}},

  {either_end, "reserved-zero", "sets-reserved-flags", {all_sent({}, {raise(flags, 1)})}},
  {either_end, "reserved-zero", "sets-reserved-bytes",
   {all_sent({of_ata}, {put(ata_reserved, 0x5a00)})}},
  };
  return all;
}
// clang-format on

}  // namespace

std::span<const MutantRow> mutant_table() {
  return rows();
}

MakeMutant mutant_of(const Scenario& scenario) {
  if (!scenario.mutant) return {};
  const auto row = std::ranges::find_if(rows(), [&](const MutantRow& each) {
    return each.name == scenario.mutant->behaviour && each.is_at(scenario.mutant_is_target());
  });
  AOE_CHECK(row != rows().end());
  return [&row = *row, at_target = scenario.mutant_is_target()](Mutant::Sides& sides) {
    return std::make_unique<RowMutant>(row, at_target, sides);
  };
}

tl::expected<Scenario, std::string> with_known_mutant(Scenario scenario) {
  if (!scenario.mutant) return scenario;
  const auto& [node, behaviour, mark] = *scenario.mutant;
  std::vector<std::string> names;
  for (const MutantRow& row : rows()) {
    if (row.is_at(scenario.mutant_is_target())) names.emplace_back(row.name);
  }
  if (std::ranges::find(names, behaviour) != names.end()) return scenario;
  return tl::unexpected(complaint_at(mark, unknown_choice("behave", behaviour, names)));
}

tl::expected<std::vector<Scenario>, std::string> with_known_mutants(
    std::vector<Scenario> scenarios) {
  for (const Scenario& scenario : scenarios) {
    if (auto known = with_known_mutant(scenario); !known) return tl::unexpected(known.error());
  }
  return scenarios;
}

}  // namespace aoe::harness
