#include "target/service/served_lun.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "target/service/jobs.h"

namespace aoe::target {

ServedLun::ServedLun(const LunOptions& options, std::unique_ptr<Store> its_store,
                     const std::optional<LunState>& state)
    : lun(options), store(std::move(its_store)), order(store->copied_size() / sector_size) {
  AOE_CHECK(options.sectors <= store->size() / sector_size);
  if (state) lun.restore(*state);
}

bool ServedLun::may_delay(Mac client) const {
  const auto is_delayed_one_of_it = [client](const Job* job) {
    return job->due != Instant{} && job->pending.header.destination == client;
  };
  const auto its = std::ranges::count_if(jobs, is_delayed_one_of_it);
  const LunOptions& options = lun.options();
  return jobs_delayed < options.in_flight_max() && its < options.buffer_count;
}

void ServedLun::define(const LunDefinition& wanted) {
  definition = wanted;
  if (limiter.limits() != wanted.limits) limiter = RateLimiter(wanted.limits);
}

bool ServedLun::has_busy_former() {
  std::erase_if(formers, [](const auto& former) { return former.expired(); });
  return !formers.empty();
}

void ServedLun::count(const PendingReply& pending, bool failed) {
  Health& health = lun.health();
  const std::uint64_t sectors = failed ? 0 : pending.sectors;
  const bool is_read = pending.command.kind == Operation::Kind::read;
  switch (pending.command.kind) {
    case Operation::Kind::read:
      if (pending.command.is_verify) {
        ++counters.verifies;
      } else {
        count_read(sectors);
      }
      break;
    case Operation::Kind::write:
      ++counters.writes;
      counters.bytes_written += sectors * sector_size;
      health.sectors_written += sectors;
      break;
    case Operation::Kind::flush: ++counters.flushes; break;
    case Operation::Kind::trim: ++counters.trims; break;
  }
  if (!failed) return;
  ++counters.store_errors;
  ++(is_read ? health.reads_failed : health.writes_failed);
}

}  // namespace aoe::target
