// Operations that a store finishes later, each with the reply that waits for it.
//
// Owned by Service, which begins a job and, when it is done, sends the reply and gives it back.
// Jobs are reused, with their memory: there are as many as were ever in flight at once. They
// outlive the stores, which may hold their operations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/instant.h"
#include "target/lun/lun.h"
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

  ServedLun* lun = nullptr;
  FramePort* port = nullptr;  // that the request came in by; null once it was forgotten
  PendingReply pending;       // without the request's data, which is copied
  Instant received{};         // the request
  std::error_code error;      // once it is done
  /// Room for the reply. The operation's data lies at the place where a reply has it, aligned for
  /// direct I/O.
  MutableBytes frame;

 private:
  friend class Jobs;
  Jobs& jobs_;
  std::vector<std::uint8_t> memory_;
};

class Jobs {
 public:
  /// Returns a job for an operation of a LUN, which the caller starts. `reply_size`: room for the
  /// longest reply, bytes.
  Job& begin(ServedLun& lun, FramePort& port, const PendingReply& pending, std::size_t reply_size);

  /// The jobs that are done and were not given back.
  std::span<Job* const> finished() const { return finished_; }
  /// Takes all finished jobs back.
  void recycle_finished();

  /// `port` is about to go: its jobs have none from here on.
  void forget(const FramePort& port);

 private:
  friend class Job;

  std::vector<std::unique_ptr<Job>> jobs_;
  std::vector<Job*> free_;
  std::vector<Job*> finished_;
};

}  // namespace aoe::target
