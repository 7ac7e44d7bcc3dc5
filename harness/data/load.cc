#include "harness/data/load.h"

#include <algorithm>
#include <numeric>

#include "harness/data/pattern.h"

namespace aoe::harness {

Load::Load(const IoStep& step, const Scenario& scenario, World& world, DiskModel& model,
           Random& random)
    : step_(step),
      device_(scenario.target.address),
      world_(world),
      model_(model),
      random_(random),
      slots_(std::min(step.depth, step.requests)) {
  if (step_.operation == IoOperation::flush) return;
  if (step_.lba) {
    blocks_ = {*step_.lba};
    return;
  }
  blocks_.resize(scenario.target.sectors / step_.count);
  std::iota(blocks_.begin(), blocks_.end(), 0U);
  // Only as many as are used; by hand, for std::shuffle differs between standard libraries.
  for (std::size_t i = 0; i < step_.requests; ++i)
    std::swap(blocks_[i], blocks_[i + random_() % (blocks_.size() - i)]);
  blocks_.resize(step_.requests);
  for (std::uint64_t& block : blocks_) block *= step_.count;
}

void Load::start() {
  started_ = world_.now();
  world_.stage().io_began(id());
  for (Slot& slot : slots_) {
    if (submitted_ < step_.requests) submit(slot);  // what fails at once lets the next one go
  }
}

void Load::submit(Slot& slot) {
  const bool flush = step_.operation == IoOperation::flush;
  if (!flush) slot.lba = blocks_[submitted_];
  slot.is_write = step_.operation == IoOperation::write ||
                  (step_.operation == IoOperation::mixed && random_() % 2 == 0);
  ++submitted_;
  initiator::IoRequest request{.device = device_, .lba = slot.lba};
  if (flush) {
    request.kind = initiator::IoKind::flush;
  } else if (slot.is_write) {
    slot.buffer.resize(step_.count * sector_size);
    slot.version = model_.begin_write(slot.lba, step_.count);
    fill_pattern(slot.lba, slot.version, slot.buffer);
    request.kind = initiator::IoKind::write;
    request.from = slot.buffer;
  } else {
    slot.buffer.assign(step_.count * sector_size, 0);
    slot.snapshot = model_.begin_read(slot.lba, step_.count);
    request.into = slot.buffer;
  }
  world_.submit(request, [this, &slot](const initiator::Completion& completion) {
    completed(slot, completion);
  });
}

void Load::completed(Slot& slot, const initiator::Completion& completion) {
  if (completion.error != initiator::IoError::none) {
    if (failed_++ == 0) first_failure_ = completion;
  } else if (slot.is_write) {
    model_.acknowledge(slot.lba, step_.count, slot.version);
  } else if (step_.operation != IoOperation::flush && !wrong_data_) {
    wrong_data_ = model_.end_read(slot.snapshot, slot.buffer);
  }
  ++completed_;
  finished_ = world_.now();
  if (done()) world_.stage().io_ended(id());
  if (submitted_ < step_.requests) submit(slot);
}

}  // namespace aoe::harness
