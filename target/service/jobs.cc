#include "target/service/jobs.h"

#include <algorithm>

#include "base/check.h"

namespace aoe::target {
namespace {

/// Returns `size` bytes of a frame whose ATA data is aligned as an Operation's must be.
MutableBytes aligned_frame(std::vector<std::uint8_t>& memory, std::size_t size) {
  constexpr std::size_t alignment = Operation::alignment;
  if (memory.size() < size + alignment) memory.resize(size + alignment);
  const auto data_at = reinterpret_cast<std::uintptr_t>(memory.data()) + ata_header_size;
  return MutableBytes(memory).subspan((alignment - data_at % alignment) % alignment, size);
}

}  // namespace

void Job::done(std::error_code result) {
  AOE_CHECK(lun != nullptr && std::erase(lun->jobs, this) == 1);
  error = result;
  jobs_.finished_.push_back(this);
}

bool Job::conflicts(const PendingReply& other, std::uint64_t part) const {
  using Kind = Operation::Kind;
  const auto changes = [](Kind what) { return what == Kind::write || what == Kind::trim; };
  const Kind others = other.command.kind;
  const Kind own = pending.command.kind;
  if (own == Kind::flush || others == Kind::flush) return false;
  if (!changes(own) && !changes(others)) return false;
  if (own == Kind::trim || others == Kind::trim) return true;  // its ranges may be anywhere
  const auto first = [part](const PendingReply& one) { return one.lba / part; };
  const auto end = [part](const PendingReply& one) {
    return (one.lba + one.sectors + part - 1) / part;
  };
  return first(pending) < end(other) && first(other) < end(pending);
}

Job& Jobs::begin(ServedLun& lun, FramePort& port, const PendingReply& pending,
                 std::size_t reply_size) {
  if (free_.empty()) {
    jobs_.push_back(std::make_unique<Job>(*this));
    free_.reserve(jobs_.size());
    finished_.reserve(jobs_.size());
    free_.push_back(jobs_.back().get());
  }
  Job& job = *free_.back();
  free_.pop_back();
  lun.jobs.push_back(&job);
  job.lun = &lun;
  job.is_started = false;
  job.due = {};
  job.port = &port;
  job.pending = pending;
  job.pending.data = {};

  const bool is_read = pending.command.kind == Operation::Kind::read;
  const std::size_t size = is_read ? pending.sectors * sector_size : pending.data.size();
  job.frame = aligned_frame(job.memory_, std::max(reply_size, ata_header_size + size));
  const MutableBytes place = job.frame.subspan(ata_header_size, size);
  copy(pending.data, place);
  job.kind = pending.command.kind;
  job.offset = pending.lba * sector_size;
  job.into = is_read ? place : MutableBytes{};
  job.from = is_read ? Bytes{} : Bytes(place);
  return job;
}

void Jobs::recycle_finished() {
  for (Job* const job : finished_) recycle(*job);
  finished_.clear();
}

void Jobs::recycle(Job& job) {
  job.lun = nullptr;
  job.port = nullptr;
  free_.push_back(&job);
}

std::size_t Jobs::forget(ServedLun& lun) {
  for (Job* const job : lun.jobs) {
    if (!job->is_started) recycle(*job);
  }
  return std::erase_if(lun.jobs, [](const Job* job) { return !job->is_started; });
}

void Jobs::forget(const FramePort& port) {
  for (const auto& job : jobs_) {
    if (job->port == &port) job->port = nullptr;
  }
}

}  // namespace aoe::target
