#include "harness/run/load.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "harness/judge/pattern.h"
#include "harness/run/run_state.h"

namespace aoe::harness {
namespace {

using initiator::IoKind;
using initiator::IoRequest;

/// How often a place is drawn for a read where another reads already.
constexpr int draws_max = 4;

std::uint64_t sectors_of(const IoRequest& request) {
  return request.into.size() / sector_size;
}

}  // namespace

bool AtWork::begin(const IoRequest& request) {
  switch (request.kind) {
    case IoKind::write: return true;
    case IoKind::flush: return !std::exchange(flushing_, true);
    case IoKind::trim: return !std::exchange(trimming_, true);
    case IoKind::read: break;
  }
  const auto first = is_read_.begin() + static_cast<std::ptrdiff_t>(request.lba);
  const auto last = first + static_cast<std::ptrdiff_t>(sectors_of(request));
  if (std::find(first, last, true) != last) return false;
  std::fill(first, last, true);
  return true;
}

void AtWork::end(const IoRequest& request) {
  switch (request.kind) {
    case IoKind::write: return;
    case IoKind::flush: flushing_ = false; break;
    case IoKind::trim: trimming_ = false; break;
    case IoKind::read:
      std::fill_n(is_read_.begin() + static_cast<std::ptrdiff_t>(request.lba), sectors_of(request),
                  false);
      break;
  }
  if (waiting_ == 0) return;
  waiting_ = 0;
  if (on_room) on_room();
}

Load::Load(const IoStep& step, RunState& run)
    : step_(step),
      run_(run),
      history_(run.history_of(step.to)),
      at_work_(run.at_work(step.by, step.to)),
      requests_(std::min(step.depth, step.requests)) {
  idle_.resize(requests_.size());
  std::iota(idle_.rbegin(), idle_.rend(), 0U);
  if (step_.operation == IoOperation::flush || step_.lba || step_.span) return;
  blocks_.resize(run.scenario.network.disk(step.to).sectors / step_.count);
  std::iota(blocks_.begin(), blocks_.end(), 0U);
  // Only as many as are used; by hand, for std::shuffle differs between standard libraries.
  for (std::size_t i = 0; i < step_.requests; ++i)
    std::swap(blocks_[i], blocks_[i + run_.random() % (blocks_.size() - i)]);
  blocks_.resize(step_.requests);
  for (std::uint64_t& block : blocks_) block *= step_.count;
}

void Load::start() {
  started_ = run_.world.now();
  run_.world.stage().io_began(id());
  go_on();
}

void Load::go_on() {
  // What completes at once calls this again, from within.
  if (std::exchange(going_on_, true)) return;
  while (next_ || (!idle_.empty() && drawn_ < step_.requests)) {
    if (!next_) {
      next_ = idle_.back();
      idle_.pop_back();
      draw(requests_[*next_]);
    }
    const std::uint32_t place = *std::exchange(next_, std::nullopt);
    if (submit(requests_[place])) continue;
    next_ = place;
    at_work_.wait();
    break;
  }
  going_on_ = false;
}

IoKind Load::draw_kind() {
  switch (step_.operation) {
    case IoOperation::read: return IoKind::read;
    case IoOperation::write: return IoKind::write;
    case IoOperation::mixed: return run_.random() % 2 == 0 ? IoKind::write : IoKind::read;
    case IoOperation::flush: return IoKind::flush;
    case IoOperation::trim: return IoKind::trim;
  }
  AOE_CHECK(false && "an operation without a kind");
}

std::uint64_t Load::draw_lba() {
  if (!blocks_.empty()) return blocks_[drawn_];
  const std::uint64_t first = step_.lba.value_or(0);
  if (!step_.span) return first;
  return first + run_.random() % (*step_.span - step_.count + 1);
}

void Load::draw(Request& slot) {
  IoRequest& request = slot.request;
  request = {.kind = draw_kind(), .device = run_.scenario.network.lun(step_.to).address};
  if (request.kind != IoKind::flush) request.lba = draw_lba();
  if (request.kind == IoKind::trim) {
    request.sectors = step_.count;
  } else if (request.kind != IoKind::flush) {
    slot.buffer.assign(step_.count * sector_size, 0);
    if (request.kind == IoKind::read) {
      request.into = slot.buffer;
    } else {
      request.from = slot.buffer;
    }
  }
  ++drawn_;
}

bool Load::submit(Request& slot) {
  bool may = at_work_.begin(slot.request);
  for (int i = 0; !may && step_.span && slot.request.kind == IoKind::read && i < draws_max; ++i) {
    slot.request.lba = draw_lba();
    may = at_work_.begin(slot.request);
  }
  if (!may) return false;
  const IoRequest& request = slot.request;
  switch (request.kind) {
    case IoKind::read: slot.begun = history_.begin_read(); break;
    case IoKind::flush: slot.begun = history_.begin_flush(); break;
    case IoKind::trim: slot.version = history_.begin_trim(request.lba, step_.count); break;
    case IoKind::write:
      slot.version = history_.begin_write(request.lba, step_.count);
      fill_pattern(request.lba, slot.version, slot.buffer);
      break;
  }
  IoRequest placed = request;
  if (placed.kind != IoKind::flush)
    placed.lba += run_.scenario.network.nodes[step_.to.node].target.base;
  run_.world.initiator(step_.by).submit(
      placed,
      [this, &slot](const initiator::Completion& completion) { completed(slot, completion); });
  return true;
}

void Load::completed(Request& slot, const initiator::Completion& completion) {
  const IoRequest& request = slot.request;
  const bool succeeded = completion.error == initiator::IoError::none;
  if (!succeeded && failed_++ == 0) first_failure_ = completion;
  switch (request.kind) {
    case IoKind::read: {
      auto wrong =
          history_.end_read(slot.begun, request.lba, succeeded ? Bytes(slot.buffer) : Bytes());
      if (!wrong_data_) wrong_data_ = std::move(wrong);
      break;
    }
    case IoKind::flush: history_.end_flush(slot.begun, succeeded); break;
    case IoKind::trim: history_.end_trim(request.lba, step_.count, slot.version); break;
    case IoKind::write:
      history_.end_write(request.lba, step_.count, slot.version, succeeded);
      break;
  }
  ++completed_;
  finished_ = run_.world.now();
  if (done()) run_.world.stage().io_ended(id());
  idle_.push_back(static_cast<std::uint32_t>(&slot - requests_.data()));
  at_work_.end(request);
  go_on();
}

}  // namespace aoe::harness
