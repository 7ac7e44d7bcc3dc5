#include "harness/selftest/row_mutant.h"

#include <algorithm>

#include "proto/codes.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace mutant_words {
namespace {

FrameCopy copy_of(Bytes frame) {
  return {frame.begin(), frame.end()};
}

std::uint32_t tag_of(Bytes frame) {
  return static_cast<std::uint32_t>(value_of(Field::tag, frame));
}

/// The opcode and all that goes with it: the same in each repetition of a request.
Bytes registers(Bytes request) {
  return request.subspan(header_size, ata_header_size - header_size);
}

}  // namespace

const Memory::Asked* Memory::find(Bytes frame) const {
  const auto found = asked.find(tag_of(frame));
  return found == asked.end() ? nullptr : &found->second;
}

const Memory::Asked* Memory::oldest() const {
  const Asked* oldest = nullptr;
  for (const auto& [tag, each] : asked) {
    if (each.answers == 0 && (oldest == nullptr || each.order < oldest->order)) oldest = &each;
  }
  return oldest;
}

std::size_t Memory::repetitions(Bytes request) const {
  std::vector<std::uint64_t> unanswered;
  std::uint64_t settled = 0;
  for (const auto& [tag, each] : asked) {
    if (!std::ranges::equal(registers(each.frame), registers(request))) continue;
    if (each.answers == 0) unanswered.push_back(each.order);
    if (each.answers > 0) settled = std::max(settled, each.order);
  }
  const auto since = std::ranges::count_if(unanswered, [&](auto order) { return order > settled; });
  return since > 1 ? static_cast<std::size_t>(since - 1) : 0;  // the last of them is `request`
}

}  // namespace mutant_words

using namespace mutant_words;

void RowMutant::on_request(Bytes frame) {
  Passage passage{copy_of(frame), frame, memory_};
  const bool is_ata = layout::has(Field::ata_reserved, frame);
  if (at_target_ ? frame.size() >= header_size : is_ata) {
    memory_.asked.insert_or_assign(tag_of(frame),
                                   Memory::Asked{copy_of(frame), ++memory_.requests});
  }
  if (!at_target_) {
    memory_.own_mac = value_of(Field::source, frame);
    if (is_ata && memory_.first.empty()) memory_.first = copy_of(frame);
    change(Change::Of::all_sent, passage);
  }
  change(Change::Of::requests, passage);
  memory_.last = copy_of(frame);
  if (!memory_.dead) pass_on(passage, !at_target_);
}

void RowMutant::on_answer(Bytes frame) {
  if (is_secret_) return;
  // Of an initiator's requests, the first answer is the only one.
  const auto asked_by = [this](Bytes answer) -> Memory::Asked* {
    const auto found = memory_.asked.find(tag_of(answer));
    const bool is = found != memory_.asked.end() && (at_target_ || found->second.answers == 0);
    return is ? &found->second : nullptr;
  };
  Passage passage{copy_of(frame), {}, memory_};
  if (const auto* asked = asked_by(frame)) passage.request = asked->frame;
  if (at_target_ && passage.request.empty()) {
    if (memory_.first.empty()) memory_.first = copy_of(frame);
    change(Change::Of::announcements, passage);
    memory_.announced_to.insert(value_of(Field::destination, frame));
  } else {
    // The client gets the answer, even if the target took it for another client.
    if (at_target_)
      layout::set(Field::destination, passage.frame, layout::get(Field::source, passage.request));
    change(Change::Of::answers, passage);
  }
  if (at_target_) {
    change(Change::Of::all_sent, passage);
    learn(passage.request, frame);
  }
  if (auto* asked = asked_by(at_target_ ? frame : Bytes(passage.frame))) ++asked->answers;
  pass_on(passage, at_target_);
}

void RowMutant::restarted() {
  ++memory_.restarts;
  memory_.announced_to.clear();
}

void RowMutant::change(Change::Of of, Passage& passage) const {
  for (const Change& change : row_.changes) {
    const auto holds = [&](const Test& test) { return test(passage.frame, passage); };
    if (change.of != of || !std::ranges::all_of(change.when, holds)) continue;
    for (const Deed& deed : change.deeds) deed(passage);
  }
}

void RowMutant::pass_on(const Passage& passage, bool to_link) {
  const auto to = [this](bool link, const FrameCopy& frame) {
    if (!frame.empty()) link ? sides_.to_link(frame) : sides_.to_end(frame);
  };
  to(to_link, passage.frame);
  is_secret_ = !to_link && at_target_;
  for (const FrameCopy& frame : passage.more) to(to_link, frame);
  is_secret_ = false;
  for (const FrameCopy& frame : passage.back) to(!to_link, frame);
}

void RowMutant::learn(Bytes request, Bytes answer) {
  if ((value_of(Field::flags, answer) & flag_error) != 0) return;
  if (layout::has(Field::config_length, answer)) {
    memory_.string =
        copy_of(answer.subspan(config_header_size, value_of(Field::config_length, answer)));
  }
  if (layout::has(Field::mask_count, answer) && value_of(Field::mask_error, answer) == 0) {
    memory_.masked = value_of(Field::mask_count, answer);
    if (value_of(Field::mask_op, request) == 1) ++memory_.edits;
  }
  if (layout::has(Field::reserve_count, answer)) {
    memory_.holders = value_of(Field::reserve_count, answer);
  }
}

}  // namespace aoe::harness
