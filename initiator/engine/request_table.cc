#include "initiator/engine/request_table.h"

#include <algorithm>

#include "proto/codes.h"

namespace aoe::initiator {

void RequestTable::add(const IoRequest& io, std::uint64_t sectors) {
  const Slot index = requests_.take();
  Request& request = requests_[index];
  request = {.io = io, .sectors = sectors, .result = {.id = io.id}};
  const bool changes = io.kind == IoKind::write || io.kind == IoKind::trim;
  const auto access = changes ? RangeOrder::Access::change : RangeOrder::Access::read;
  if (!order_.join(index, io.lba, sectors, access)) return;
  request.state = State::queued;
  queue_.push_back(requests_, index);
}

void RequestTable::refuse(const IoRequest& io, IoError error, Actions& out) {
  ++counters_.failures;
  out.completions.push_back({.id = io.id, .error = error});
}

void RequestTable::complete_at_once(const IoRequest& io, Actions& out) {
  count(io.kind, IoError::none);
  out.completions.push_back({.id = io.id});
}

RequestTable::Part RequestTable::take_part(std::size_t payload) {
  const Slot index = queue_.front();
  Request& request = requests_[index];
  const std::uint64_t most = request.io.kind == IoKind::trim ? trim_sectors_max : payload;
  const std::uint64_t sectors = std::min(most, request.sectors - request.handed_out);
  const Part part{.request = index,
                  .lba = request.io.lba + request.handed_out,
                  .sectors = static_cast<std::uint32_t>(sectors),
                  .offset = static_cast<std::size_t>(request.handed_out) * sector_size};
  request.handed_out += sectors;
  ++request.parts;
  if (request.handed_out == request.sectors) {
    request.state = State::handed_out;
    queue_.erase(requests_, index);
  }
  return part;
}

void RequestTable::part_done(Slot index, const Completion& result, Actions& out) {
  Request& request = requests_[index];
  --request.parts;
  if (result.error != IoError::none && request.result.error == IoError::none) {
    const std::uint64_t id = request.result.id;
    request.result = result;
    request.result.id = id;
    if (request.state == State::queued) {  // what has failed need not go on
      request.state = State::handed_out;
      queue_.erase(requests_, index);
    }
  }
  if (request.parts == 0 && request.state == State::handed_out) complete(index, out);
}

void RequestTable::release(Slot index) {
  --requests_[index].copies;
  leave_if_over(index);
}

void RequestTable::fail(Slot index, IoError error, Actions& out) {
  Request& request = requests_[index];
  if (request.state == State::queued) queue_.erase(requests_, index);
  request.parts = 0;
  if (request.result.error == IoError::none) request.result.error = error;
  complete(index, out);
}

Slot RequestTable::find(std::uint64_t id) const {
  for (Slot index = 0; index < requests_.end(); ++index) {
    const Request& request = requests_[index];
    if (requests_.is_used(index) && request.io.id == id && request.state != State::complete) {
      return index;
    }
  }
  return no_slot;
}

void RequestTable::fail_all(IoError error, Actions& out) {
  for (Slot index = 0; index < requests_.end(); ++index) {
    if (!requests_.is_used(index) || requests_[index].state == State::complete) continue;
    fail(index, error, out);
  }
}

void RequestTable::complete(Slot index, Actions& out) {
  Request& request = requests_[index];
  request.state = State::complete;
  count(request.io.kind, request.result.error);
  out.completions.push_back(request.result);
  leave_if_over(index);
}

void RequestTable::count(IoKind kind, IoError error) {
  if (error != IoError::none) ++counters_.failures;
  switch (kind) {
    case IoKind::read: ++counters_.reads; break;
    case IoKind::write: ++counters_.writes; break;
    case IoKind::flush: ++counters_.flushes; break;
    case IoKind::trim: ++counters_.trims; break;
  }
}

void RequestTable::leave_if_over(Slot index) {
  const Request& request = requests_[index];
  if (request.state != State::complete || request.copies > 0) return;
  ready_.clear();
  order_.leave(index, ready_);
  requests_.release(index);
  for (const Slot ready : ready_) {
    requests_[ready].state = State::queued;
    queue_.push_back(requests_, ready);
  }
}

}  // namespace aoe::initiator
