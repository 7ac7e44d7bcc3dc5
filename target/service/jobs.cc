#include "target/service/jobs.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace aoe::target {
namespace {

constexpr std::size_t alignment = Operation::alignment;

/// Returns the size of an operation's data.
std::size_t data_size(const PendingReply& pending) {
  const bool is_read = pending.command.kind == Operation::Kind::read;
  return is_read ? pending.sectors * sector_size : pending.data.size();
}

/// Returns the memory that a job needs so that its data is aligned.
std::size_t memory_size(const PendingReply& pending, std::size_t reply_size) {
  return std::max(reply_size, ata_header_size + data_size(pending)) + alignment;
}

/// Returns the memory that a job takes, its own and its store's: a store that copies parts may need
/// room for one.
std::size_t counted_size(const ServedLun& lun, std::size_t memory_size) {
  const std::size_t copied = lun.store->copied_size();
  return sizeof(Job) + memory_size + (copied > sector_size ? copied : 0);
}

/// Returns `size` bytes of a frame whose ATA data is aligned as an Operation's must be.
MutableBytes aligned_frame(std::vector<std::uint8_t>& memory, std::size_t size) {
  const auto data_at = reinterpret_cast<std::uintptr_t>(memory.data()) + ata_header_size;
  return MutableBytes(memory).subspan((alignment - data_at % alignment) % alignment, size);
}

}  // namespace

void Job::done(std::error_code result) {
  AOE_CHECK(lun != nullptr && std::erase(lun->jobs, this) == 1);
  lun->order.done(*this, [this](Entry& later) {
    Job& job = static_cast<Job&>(later);
    if (job.due == Instant{}) lun->ready.push_back(job);
  });
  error = result;
  jobs_.finished_.push_back(this);
}

bool Jobs::have_memory(const ServedLun& lun, const PendingReply& pending,
                       std::size_t reply_size) const {
  return memory_ == nullptr ||
         memory_->allows(counted_size(lun, memory_size(pending, reply_size)), lun.jobs_size);
}

Job& Jobs::begin(ServedLun& lun, FramePort& port, const PendingReply& pending,
                 std::size_t reply_size) {
  if (free_.empty()) {
    if (jobs_.size() == jobs_.capacity()) jobs_.reserve(2 * jobs_.size() + 1);
    free_.reserve(free_max);
    finished_.reserve(jobs_.capacity());
    jobs_.push_back(std::make_unique<Job>(*this));
    jobs_.back()->place_ = jobs_.size() - 1;
    free_.push_back(jobs_.back().get());
  }
  Job& job = *free_.back();
  const std::size_t needed = memory_size(pending, reply_size);
  if (job.memory_.size() < needed) job.memory_.resize(needed);
  lun.jobs.push_back(&job);
  free_.pop_back();
  job.counted_ = counted_size(lun, job.memory_.size());
  lun.jobs_size += job.counted_;
  if (memory_ != nullptr) memory_->take(job.counted_);
  job.lun = &lun;
  job.is_started = false;
  job.due = {};
  job.port = &port;
  job.pending = pending;
  job.pending.data = {};

  lun.order.add(job, pending);

  const bool is_read = pending.command.kind == Operation::Kind::read;
  const std::size_t size = data_size(pending);
  job.frame = aligned_frame(job.memory_, needed - alignment);
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
  job.lun->jobs_size -= job.counted_;
  if (memory_ != nullptr) memory_->give_back(job.counted_);
  if (free_.size() < free_max) {
    job.lun = nullptr;
    job.port = nullptr;
    return free_.push_back(&job);
  }
  std::unique_ptr<Job>& place = jobs_[job.place_];
  jobs_.back()->place_ = job.place_;
  std::swap(place, jobs_.back());
  jobs_.pop_back();
}

std::size_t Jobs::forget(ServedLun& lun) {
  lun.ready.clear();
  return std::erase_if(lun.jobs, [this](Job* job) {
    if (job->is_started) return false;
    job->lun->order.forget(*job);
    recycle(*job);
    return true;
  });
}

void Jobs::forget(const FramePort& port) {
  for (const auto& job : jobs_) {
    if (job->port == &port) job->port = nullptr;
  }
}

}  // namespace aoe::target
