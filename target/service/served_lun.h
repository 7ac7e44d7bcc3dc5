// One LUN that is served: the one place for everything that a running target knows of it.
//
// Service owns these; port tables, jobs, the worker and reports refer to them. Used by the worker's
// thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "base/line_limit.h"
#include "target/lun/lun.h"
#include "target/service/counters.h"
#include "target/service/definition.h"
#include "target/service/held_state.h"
#include "target/store/store.h"

namespace aoe::target {

struct ServedLun {
  /// `state`: what an earlier life of the LUN has left.
  ServedLun(const LunOptions& options, std::unique_ptr<Store> its_store,
            const std::optional<LunState>& state = std::nullopt);

  /// Counts an operation that the store has done or failed, for reports and for SMART.
  void count(const PendingReply& pending, bool failed);
  void count_read(std::uint64_t sectors) {
    ++counters.reads;
    counters.bytes_read += sectors * sector_size;
    lun.health().sectors_read += sectors;
  }

  Lun lun;
  std::unique_ptr<Store> store;
  LunCounters counters;
  std::shared_ptr<HeldState> held;  // null without a keeper: what is set needs no waiting
  std::size_t jobs = 0;             // operations that the store is working on
  bool must_submit = false;         // the store has operations to submit

  // Where it came from: empty where no configuration names it.
  LunDefinition definition;
  std::string store_kind;  // "mapped", "memory", …: see OpenedStore

  // The worker's log: a disk that fails, or a client that sets something again and again, must not
  // flood it.
  LineLimit failures;
  LineLimit changes;
};

}  // namespace aoe::target
