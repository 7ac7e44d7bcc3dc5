#include "harness/judge/thinning.h"

#include <algorithm>
#include <array>

namespace aoe::harness {

void Thinned::add(const Sample& sample) {
  const Duration::rep part = std::min<Duration::rep>(sample.at / width_, parts - 1);
  if (part != part_) flush();
  part_ = part;
  if (held_ == 0) least_ = most_ = sample;
  if (sample.outstanding < least_.outstanding) least_ = sample;
  if (sample.outstanding > most_.outstanding) most_ = sample;
  (held_++ == 0 ? first_ : last_) = sample;
}

std::vector<Sample> Thinned::finish() {
  flush();
  return std::move(samples_);
}

void Thinned::flush() {
  if (held_ == 0) return;
  std::array<Sample, 4> kept{first_, least_, most_, held_ > 1 ? last_ : first_};
  std::ranges::stable_sort(kept, {}, &Sample::at);
  for (const Sample& sample : kept) {
    if (samples_.empty() || samples_.back() != sample) samples_.push_back(sample);
  }
  held_ = 0;
}

void Spread::add(Incident incident) {
  if (seen_++ % stride_ != 0) return;
  if (incidents_.size() == incidents_max) {
    for (std::size_t i = 0; 2 * i < incidents_max; ++i)
      incidents_[i] = std::move(incidents_[2 * i]);
    incidents_.resize((incidents_max + 1) / 2);
    stride_ *= 2;
    if ((seen_ - 1) % stride_ != 0) return;
  }
  incidents_.push_back(std::move(incident));
}

}  // namespace aoe::harness
