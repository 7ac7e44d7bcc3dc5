#include "target/service/counters.h"

namespace aoe::target {

void LunCounters::add(const LunCounters& other) {
  for (auto LunCounters::*const counter :
       {&LunCounters::requests, &LunCounters::replies, &LunCounters::aoe_errors,
        &LunCounters::ata_errors, &LunCounters::reads, &LunCounters::writes, &LunCounters::flushes,
        &LunCounters::trims, &LunCounters::verifies, &LunCounters::bytes_read,
        &LunCounters::bytes_written, &LunCounters::store_errors, &LunCounters::state_errors,
        &LunCounters::announcements, &LunCounters::dropped_busy, &LunCounters::dropped_port}) {
    this->*counter += other.*counter;
  }
  for (std::size_t i = 0; i < silences.size(); ++i) silences[i] += other.silences[i];
  for (std::size_t i = 0; i < latency.counts.size(); ++i) {
    latency.counts[i] += other.latency.counts[i];
  }
  latency.sum += other.latency.sum;
}

void EdgeCounters::add(const EdgeCounters& other) {
  responses += other.responses;
  not_addressed += other.not_addressed;
  for (std::size_t i = 0; i < rejects.size(); ++i) rejects[i] += other.rejects[i];
}

}  // namespace aoe::target
