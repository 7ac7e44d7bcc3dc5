#include "target/service/counters.h"

namespace aoe::target {

void LunCounters::add(const LunCounters& other) {
  for (const auto& field : lun_counters) this->*field.value += other.*field.value;
  for (std::size_t i = 0; i < silences.size(); ++i) silences[i] += other.silences[i];
  for (std::size_t i = 0; i < latency.counts.size(); ++i) {
    latency.counts[i] += other.latency.counts[i];
  }
  latency.sum += other.latency.sum;
}

void EdgeCounters::add(const EdgeCounters& other) {
  for (const auto& field : edge_counters) this->*field.value += other.*field.value;
  for (std::size_t i = 0; i < rejects.size(); ++i) rejects[i] += other.rejects[i];
}

}  // namespace aoe::target
