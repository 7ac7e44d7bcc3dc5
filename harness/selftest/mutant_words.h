// The words of the table in mutants.cc, which alone includes them: changes, tests of frames, and
// deeds done to frames.
//
// A test is about the frame that passes, and asks(test) about the request that it answers. Where
// the frame has no such field, a test of the field fails, and a deed to it does nothing.
#pragma once

#include <algorithm>
#include <utility>

#include "harness/selftest/row_mutant.h"
#include "proto/ata.h"
#include "proto/codes.h"
#include "proto/identify.h"
#include "proto/layout.h"

namespace aoe::harness::mutant_words {

using ata::Opcode;
using enum Field;

using P = Passage;
using Tests = std::vector<Test>;
using Deeds = std::vector<Deed>;

/// A tag that our initiator takes for another client's.
inline constexpr std::uint64_t foreign_tag = 0x0a00'0000;
inline constexpr std::uint8_t drdy = ata::status_drdy;
inline constexpr std::uint64_t extended_flag = 0x40;  // of ata_flags

// What tests and deeds are made of.

/// Writes as much of the value as fits.
inline void put_in(FrameCopy& frame, Field field, std::uint64_t value) {
  if (layout::has(field, frame)) layout::set(field, frame, value & layout::row(field).most());
}
inline std::uint64_t lba_of(Bytes frame) {
  const bool lba48 = (value_of(ata_flags, frame) & extended_flag) != 0;
  return value_of(ata_lba, frame) & (lba48 ? ata::lba48_sectors_max - 1 : ata::lba28_sectors_max);
}
/// The size of the message, unpadded, if all is there that its counts say.
inline std::size_t claimed_size(Bytes frame) {
  switch (Command(value_of(command, frame))) {
    case Command::ata: return ata_header_size + value_of(ata_count, frame) * sector_size;
    case Command::config: return config_header_size + value_of(config_length, frame);
    case Command::mask: return layout::offset(mask_directive_reserved, value_of(mask_count, frame));
    case Command::reserve: return layout::offset(reserve_address, value_of(reserve_count, frame));
  }
  return frame.size();
}
/// As much of the config string as is there.
inline Bytes string_of(Bytes frame) {
  const Bytes room = frame.subspan(std::min(frame.size(), config_header_size));
  return room.first(std::min<std::size_t>(room.size(), value_of(config_length, frame)));
}
/// The answer to an ATA request, with `data` bytes of zeros.
inline FrameCopy ata_answer(Bytes request, std::size_t data, std::uint64_t status = drdy,
                            std::uint64_t error = 0) {
  FrameCopy answer(request.begin(), request.begin() + ata_header_size);
  answer.resize(std::max(ata_header_size + data, frame_size_min));
  put_in(answer, destination, value_of(source, request));
  put_in(answer, source, value_of(destination, request));
  put_in(answer, flags, flag_response);
  put_in(answer, ata_count, 0);
  put_in(answer, ata_status, status);
  put_in(answer, ata_error, error);
  return answer;
}
inline void zero_from(FrameCopy& frame, std::size_t offset) {
  std::ranges::fill(MutableBytes(frame).subspan(offset), std::uint8_t{0});
}

// Changes.

inline Change requests(Tests when, Deeds deeds) {
  return {Change::Of::requests, std::move(when), std::move(deeds)};
}
inline Change answers(Tests when, Deeds deeds) {
  return {Change::Of::answers, std::move(when), std::move(deeds)};
}
inline Change announcements(Tests when, Deeds deeds) {
  return {Change::Of::announcements, std::move(when), std::move(deeds)};
}
inline Change all_sent(Tests when, Deeds deeds) {
  return {Change::Of::all_sent, std::move(when), std::move(deeds)};
}

// Tests.

inline Test asks(Test test) {
  return [test = std::move(test)](Bytes, P& p) { return test(p.request, p); };
}
inline Test no(Test test) {
  return [test = std::move(test)](Bytes frame, P& p) { return !test(frame, p); };
}
inline Test both(Test one, Test other) {
  return [one = std::move(one), other = std::move(other)](Bytes frame, P& p) {
    return one(frame, p) && other(frame, p);
  };
}
inline Test either(Test one, Test other) {
  return no(both(no(std::move(one)), no(std::move(other))));
}
/// The field is there, and in this range.
inline Test between(Field field, std::uint64_t least, std::uint64_t most) {
  return [=](Bytes frame, P&) {
    const std::uint64_t value = value_of(field, frame);
    return layout::has(field, frame) && value >= least && value <= most;
  };
}
inline Test is(Field field, std::uint64_t value) {
  return between(field, value, value);
}
inline Test above(Field field, std::uint64_t value) {
  return between(field, value + 1, UINT64_MAX);
}
/// One of the bits is set.
inline Test with(Field field, std::uint64_t bits) {
  return [=](Bytes frame, P&) { return (value_of(field, frame) & bits) != 0; };
}
inline Test op(std::vector<Opcode> ops) {
  return [ops = std::move(ops)](Bytes frame, P&) {
    return layout::has(ata_reserved, frame) &&
           std::ranges::count(ops, Opcode(value_of(ata_op, frame))) > 0;
  };
}
inline Test sized(std::size_t least, std::size_t most = SIZE_MAX) {
  return [=](Bytes frame, P&) { return frame.size() >= least && frame.size() <= most; };
}
/// All is there that the counts say; more than that is there, and more than padding.
inline bool whole(Bytes frame, P&) {
  return frame.size() >= claimed_size(frame);
}
inline bool overlong(Bytes frame, P&) {
  return frame.size() > std::max(claimed_size(frame), frame_size_min);
}

inline const Test of_ata = between(ata_reserved, 0, UINT64_MAX);
inline const Test of_config = between(config_length, 0, UINT64_MAX);
inline const Test of_mask = between(mask_count, 0, UINT64_MAX);
inline const Test of_reserve = between(reserve_count, 0, UINT64_MAX);
inline const Test from_stranger = no(is(source, 0x0200'0000'0001));

inline const Test read = op({Opcode::read_sectors, Opcode::read_sectors_ext});
inline const Test write = op({Opcode::write_sectors, Opcode::write_sectors_ext});
inline const Test flush = op({Opcode::flush_cache, Opcode::flush_cache_ext});
inline const Test identify = op({Opcode::identify_device});

inline const Test refused = with(flags, flag_error);
inline const Test failed = both(of_ata, both(no(refused), with(ata_status, ata::status_failed)));
/// As only a disk that fails answers.
inline const Test disk_failed =
    both(failed, either(with(ata_status, ata::status_df), is(ata_error, ata::error_unc)));
inline const Test good = no(either(refused, failed));
inline const Test done = both(of_ata, good);

// Tests of what the mutant remembers.

/// A number is not 0.
template <class Number>
Test some(Number Memory::*number) {
  return [=](Bytes, P& p) { return p.memory.*number > 0; };
}
/// Holds each nth time that it is asked; each time after the nth.
inline Test every(unsigned n) {
  return [n](Bytes, P& p) { return ++p.memory.count % n == 0; };
}
inline Test after(unsigned n) {
  return [n](Bytes, P& p) { return ++p.memory.count > n; };
}
/// The request was sent before, and is still unanswered: from `least` to `most` times.
inline Test repeated(std::size_t least, std::size_t most = SIZE_MAX) {
  return [=](Bytes, P& p) {
    const std::size_t times = p.memory.repetitions(p.request);
    return times >= least && times <= most;
  };
}
/// The answer's request is known; of an initiator's, only one without an answer is.
inline bool known(Bytes, P& p) {
  return !p.request.empty();
}
inline bool answered_before(Bytes frame, P& p) {
  const Memory::Asked* asked = p.memory.find(frame);
  return asked != nullptr && asked->answers > 0;
}

// Deeds.

/// Sets a field to what `value(old, passage)` returns.
template <class Value>
Deed change(Field field, Value value) {
  return [=](P& p) { put_in(p.frame, field, value(value_of(field, p.frame), p)); };
}
inline Deed put(Field field, std::uint64_t value) {
  return change(field, [=](std::uint64_t, P&) { return value; });
}
inline Deed add(Field field, std::uint64_t number) {
  return change(field, [=](std::uint64_t old, P&) { return old + number; });
}
inline Deed raise(Field field, std::uint64_t bits) {
  return change(field, [=](std::uint64_t old, P&) { return old | bits; });
}
inline Deed clear(Field field, std::uint64_t bits) {
  return change(field, [=](std::uint64_t old, P&) { return old & ~bits; });
}
inline Deed as_asked(Field field) {
  return change(field, [=](std::uint64_t, P& p) { return value_of(field, p.request); });
}
/// As in Memory::first.
inline Deed as_first(Field field) {
  return change(field, [=](std::uint64_t, P& p) { return value_of(field, p.memory.first); });
}
inline Deeds status(std::uint8_t status, std::uint8_t error = 0) {
  return {put(ata_status, status), put(ata_error, error)};
}
inline Deeds refuse(ErrorCode code) {
  return {raise(flags, flag_error), put(Field::error, static_cast<std::uint64_t>(code))};
}
/// In the data of IDENTIFY: word & bits + number, and a checksum that fits.
inline Deed change_word(std::size_t word, std::uint64_t bits, std::uint64_t number) {
  return [=](P& p) {
    const MutableBytes block = MutableBytes(p.frame).subspan(ata_header_size);
    set_identify_words(block, word, 1, (identify_words(block, word) & bits) + number);
    seal_identify(block);
  };
}
/// At least as long as this; as long as its counts say, or longer.
inline Deed grow(std::size_t size) {
  return [=](P& p) { p.frame.resize(std::max(p.frame.size(), size)); };
}
inline void make_whole(P& p) {
  grow(claimed_size(p.frame))(p);
}

/// The frame is not passed on; nor is it, and the sender gets this answer at once.
inline void swallow(P& p) {
  p.frame.clear();
}
inline Deed answer_at_once(std::uint8_t status = drdy, std::uint8_t error = 0) {
  return [=](P& p) {
    p.back.push_back(ata_answer(p.request, 0, status, error));
    p.frame.clear();
  };
}
/// It is passed on twice; the second time with another client's tag.
inline void twice(P& p) {
  p.more.push_back(p.frame);
}
inline void twice_with_other_tags(P& p) {
  put_in(p.more.emplace_back(p.frame), tag, foreign_tag + p.memory.count++);
}
/// The answer becomes one to the request that has waited longest.
inline void to_oldest(P& p) {
  if (const auto* oldest = p.memory.oldest()) put_in(p.frame, tag, value_of(tag, oldest->frame));
}

}  // namespace aoe::harness::mutant_words
