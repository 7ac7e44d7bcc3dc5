// One LUN that is served: the one place for everything that a running target knows of it.
//
// Service owns these; port tables, jobs, the worker and reports refer to them. Used by the worker's
// thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "base/line_limit.h"
#include "target/lun/lun.h"
#include "target/service/counters.h"
#include "target/service/definition.h"
#include "target/service/former_luns.h"
#include "target/service/held_state.h"
#include "target/service/image_identity.h"
#include "target/service/image_use.h"
#include "target/service/job_order.h"
#include "target/service/logged_count.h"
#include "target/service/rate_limit.h"
#include "target/service/request_log.h"
#include "target/store/store.h"

namespace aoe::target {

class Job;

struct ServedLun {
  /// `state`: what an earlier life of the LUN has left.
  ServedLun(const LunOptions& options, std::unique_ptr<Store> its_store,
            const std::optional<LunState>& state = std::nullopt);

  /// Counts an operation that the store has done or failed, for reports and for SMART.
  void count(const PendingReply& pending, bool failed);
  /// Returns whether a limit may delay one more request of a client: each client has room for as many
  /// as it may have outstanding, and all of them for `in_flight_max()`.
  bool may_delay(Mac client) const;
  /// Returns whether a former LUN of the same image has operations under way: this one does none until
  /// they are done.
  bool waits_for_former() { return !formers.empty() && has_busy_former(); }
  void count_read(std::uint64_t sectors) {
    ++counters.reads;
    counters.bytes_read += sectors * sector_size;
    lun.health().sectors_read += sectors;
  }

  Lun lun;
  std::unique_ptr<Store> store;
  LunCounters counters;
  LunCounters cleared;                      // `counters` when `ctl clear-stats` was done last
  std::unique_ptr<RequestLog> request_log;  // null unless somebody reads it
  std::shared_ptr<HeldState> held;          // null without a keeper: what is set needs no waiting
  std::vector<Job*> jobs;                   // operations that are under way, as they came
  JobOrder order;                           // of them
  std::size_t jobs_size = 0;                // bytes of memory that they have taken
  std::size_t jobs_delayed = 0;             // of them: those that a limit delays
  std::size_t jobs_taken_over = 0;          // of them: those that a superseded thread waits for
  OperationList ready;                      // those that have to wait for no other any more
  bool must_submit = false;                 // the store has operations to submit
  FormerLuns::Tokens formers;  // of the same image: their operations may still be under way

  /// Forgets former LUNs that are done; returns whether others are left.
  bool has_busy_former();

  /// Takes a definition, and its limits if they are others.
  void define(const LunDefinition& wanted);

  // Where it came from: empty where no configuration names it.
  LunDefinition definition;
  RateLimiter limiter;
  std::vector<ImageUse> images;  // what its store uses, found when that was opened
  ImageIdentity image;           // what its state belongs to
  std::string store_kind;        // "mapped", "memory", …: see OpenedStore

  /// The last request that a mask list or the administrator's rules left unanswered.
  struct Silenced {
    Mac source;
    Silence why = Silence::source_masked;
  };
  Silenced silenced;
  std::optional<Mac> other_target;  // the last that answered for the LUN's address

  // The worker's log: a disk that fails, or a client that sets something again and again, must not
  // flood it.
  LineLimit failures;
  LineLimit changes;
  LoggedCount logged_silences;
  LoggedCount logged_foreign_answers;
  std::string logged_trouble;  // of the store
  bool is_said_stuck = false;  // the log says that its disk does not answer
};

/// All LUNs of a Service.
using ServedLuns = std::map<Address, std::unique_ptr<ServedLun>>;

}  // namespace aoe::target
