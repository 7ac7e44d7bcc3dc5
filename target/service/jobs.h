// Operations that a store finishes later, each with the reply that waits for it.
//
// Owned by Service, which begins a job and, when it is done, sends the reply and gives it back. A few
// jobs are kept, with their memory, and used again. All outlive the stores, which may hold their
// operations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/instant.h"
#include "target/lun/lun.h"
#include "target/service/request_memory.h"
#include "target/service/served_lun.h"
#include "target/store/operation.h"
#include "wire/frame_port.h"

namespace aoe::target {

class Jobs;

/// One operation, and what its reply needs.
class Job final : public Operation, public JobOrder::Entry {
 public:
  explicit Job(Jobs& jobs) : jobs_(jobs) {}
  void done(std::error_code result) override;

  ServedLun* lun = nullptr;
  bool is_started = false;    // its store knows of it
  Instant due{};              // set while a limit delays it (rate_limit.h): when it may be started
  FramePort* port = nullptr;  // that the request came in by; null once it was forgotten
  PendingReply pending;       // without the request's data, which is copied
  Instant received{};         // the request
  std::error_code error;      // once it is done
  /// Of a job that another thread waits for (see Service::take_over()): what that thread uses.
  std::shared_ptr<const void> kept;
  /// Room for the reply. The operation's data lies at the place where a reply has it, aligned for
  /// direct I/O.
  MutableBytes frame;

 private:
  friend class Jobs;
  Jobs& jobs_;
  std::vector<std::uint8_t> memory_;
  std::size_t counted_ = 0;  // bytes that it has taken of the RequestMemory
  std::size_t place_ = 0;    // in jobs_
};

class Jobs {
 public:
  /// Free jobs that are kept.
  static constexpr std::size_t free_max = 128;

  /// `memory` outlives this; without it, there is no bound.
  explicit Jobs(RequestMemory* memory = nullptr) : memory_(memory) {}

  /// Returns whether there is memory for one more job of a LUN, by the rule of RequestMemory.
  bool have_memory(const ServedLun& lun, const PendingReply& pending, std::size_t reply_size) const;
  /// Returns a job for an operation of a LUN, which the caller starts once no earlier one conflicts.
  /// It takes memory even where that is not allowed. When there is no memory at all it throws
  /// std::bad_alloc, and nothing has changed. `reply_size`: room for the longest reply, bytes.
  Job& begin(ServedLun& lun, FramePort& port, const PendingReply& pending, std::size_t reply_size);

  /// The jobs that are done and were not given back.
  std::span<Job* const> finished() const { return finished_; }
  /// Takes all finished jobs back.
  void recycle_finished();

  /// `port` is about to go: its jobs have none from here on.
  void forget(const FramePort& port);
  /// `lun` was taken out: those of its jobs that were not started are gone. Returns their number.
  std::size_t forget(ServedLun& lun);

 private:
  friend class Job;

  void recycle(Job& job);

  RequestMemory* const memory_;
  std::vector<std::unique_ptr<Job>> jobs_;
  std::vector<Job*> free_;
  std::vector<Job*> finished_;
};

}  // namespace aoe::target
