// Operations that a store finishes later, each with the reply that waits for it.
//
// Owned by Service, which begins a job and, when it is done, sends the reply and gives it back.
// Jobs are reused, and a few of them with their memory: there are as many as were ever in flight at
// once. They outlive the stores, which may hold their operations.
//
// Two jobs of a LUN that touch the same sectors (or parts that the store copies as a whole), one of
// which changes them, are done one after the other, as they came: a client that has the answer to one
// may send the other, while a repetition of the first is still on its way to the disk.
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
class Job final : public Operation {
 public:
  explicit Job(Jobs& jobs) : jobs_(jobs) {}
  void done(std::error_code result) override;

  /// Whether this and another of its LUN touch the same part of the store, and one of them changes
  /// it. `part`: its size, sectors, a power of two.
  bool conflicts(const PendingReply& other, std::uint64_t part) const;

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
};

class Jobs {
 public:
  /// Free jobs that keep their memory.
  static constexpr std::size_t warm_max = 64;

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
