#include "target/service/jobs.h"

#include <algorithm>

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

/// Returns `size` bytes of a frame whose ATA data is aligned as an Operation's must be.
MutableBytes aligned_frame(std::vector<std::uint8_t>& memory, std::size_t size) {
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
  const std::uint64_t first = other.lba & ~(part - 1);
  const std::uint64_t end = (other.lba + other.sectors + part - 1) & ~(part - 1);
  return pending.lba < end && first < pending.lba + pending.sectors;
}

bool Jobs::have_memory(const ServedLun& lun, const PendingReply& pending,
                       std::size_t reply_size) const {
  return memory_ == nullptr ||
         memory_->allows(sizeof(Job) + memory_size(pending, reply_size), lun.jobs_size);
}

Job& Jobs::begin(ServedLun& lun, FramePort& port, const PendingReply& pending,
                 std::size_t reply_size) {
  if (free_.empty()) {
    free_.reserve(jobs_.size() + 1);
    finished_.reserve(jobs_.size() + 1);
    jobs_.push_back(std::make_unique<Job>(*this));
    free_.push_back(jobs_.back().get());
  }
  Job& job = *free_.back();
  const std::size_t needed = memory_size(pending, reply_size);
  if (job.memory_.size() < needed) job.memory_.resize(needed);
  lun.jobs.push_back(&job);
  free_.pop_back();
  job.counted_ = sizeof(Job) + job.memory_.size();
  lun.jobs_size += job.counted_;
  if (memory_ != nullptr) memory_->take(job.counted_);
  job.lun = &lun;
  job.is_started = false;
  job.due = {};
  job.port = &port;
  job.pending = pending;
  job.pending.data = {};

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
  if (free_.size() >= warm_max) job.memory_ = {};
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
