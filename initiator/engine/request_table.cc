#include "initiator/engine/request_table.h"

#include <algorithm>
#include <array>

#include "proto/codes.h"

namespace aoe::initiator {

void RequestTable::add(const IoRequest& request, std::uint64_t sectors) {
  const Index index = requests_.take();
  Progress& progress = requests_[index];
  progress = {.request = request, .sectors = sectors, .result = {.id = request.id}};
  const bool changes = request.kind == IoKind::write || request.kind == IoKind::trim;
  const auto access = changes ? RangeOrder::Access::change : RangeOrder::Access::read;
  if (!order_.join(index, request.lba, sectors, access)) return;
  progress.state = State::queued;
  queue_.push_back(requests_, index);
}

void RequestTable::refuse(const IoRequest& request, IoError error, Actions& out) {
  ++counters_.failures;
  out.completions.push_back({.id = request.id, .error = error});
}

void RequestTable::complete_at_once(const IoRequest& request, Actions& out) {
  count(request.kind, IoError::none);
  out.completions.push_back({.id = request.id});
}

void RequestTable::take_part(std::size_t payload, AtaCommand& command) {
  const Index index = queue_.front();
  Progress& progress = requests_[index];
  const IoRequest& request = progress.request;
  const std::uint64_t most = request.kind == IoKind::trim ? trim_sectors_max : payload;
  const std::uint64_t sectors = std::min(most, progress.sectors - progress.handed_out);
  command.kind = request.kind;
  command.request = index;
  command.lba = request.lba + progress.handed_out;
  command.sectors = static_cast<std::uint32_t>(sectors);
  command.offset = static_cast<std::size_t>(progress.handed_out) * sector_size;
  progress.handed_out += sectors;
  ++progress.parts;
  if (progress.handed_out == progress.sectors) {
    progress.state = State::handed_out;
    queue_.erase(requests_, index);
  }
}

void RequestTable::part_done(Index index, const Completion& result, Actions& out) {
  Progress& progress = requests_[index];
  --progress.parts;
  if (result.error != IoError::none && progress.result.error == IoError::none) {
    const std::uint64_t id = progress.result.id;
    progress.result = result;
    progress.result.id = id;
    if (progress.state == State::queued) {  // what has failed need not go on
      progress.state = State::handed_out;
      queue_.erase(requests_, index);
    }
  }
  if (progress.parts == 0 && progress.state == State::handed_out) complete(index, out);
}

void RequestTable::release(Index index) {
  --requests_[index].copies;
  leave_if_over(index);
}

void RequestTable::fail(Index index, IoError error, Actions& out) {
  Progress& progress = requests_[index];
  if (progress.state == State::queued) queue_.erase(requests_, index);
  progress.parts = 0;
  if (progress.result.error == IoError::none) progress.result.error = error;
  complete(index, out);
}

Index RequestTable::find(std::uint64_t id) const {
  for (Index index = 0; index < requests_.end(); ++index) {
    const Progress& progress = requests_[index];
    if (requests_.is_used(index) && progress.request.id == id &&
        progress.state != State::complete) {
      return index;
    }
  }
  return no_index;
}

void RequestTable::fail_all(IoError error, Actions& out) {
  for (Index index = 0; index < requests_.end(); ++index) {
    if (!requests_.is_used(index) || requests_[index].state == State::complete) continue;
    fail(index, error, out);
  }
}

void RequestTable::complete(Index index, Actions& out) {
  Progress& progress = requests_[index];
  progress.state = State::complete;
  count(progress.request.kind, progress.result.error);
  out.completions.push_back(progress.result);
  leave_if_over(index);
}

void RequestTable::count(IoKind kind, IoError error) {
  if (error != IoError::none) ++counters_.failures;
  constexpr std::array by_kind{&RequestCounters::reads, &RequestCounters::writes,
                               &RequestCounters::flushes, &RequestCounters::trims};
  ++(counters_.*by_kind.at(static_cast<std::size_t>(kind)));
}

void RequestTable::leave_if_over(Index index) {
  const Progress& progress = requests_[index];
  if (progress.state != State::complete || progress.copies > 0) return;
  ready_.clear();
  order_.leave(index, ready_);
  requests_.release(index);
  for (const Index ready : ready_) {
    requests_[ready].state = State::queued;
    queue_.push_back(requests_, ready);
  }
}

}  // namespace aoe::initiator
