#include "harness/world/bridge.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace aoe::harness {
namespace {

Selector by_chance(double chance) {
  Selector selector;
  selector.probability = chance;
  return selector;
}

}  // namespace

Bridge::Way::Way(FramePort& other_end, const Options& options, std::uint64_t seed)
    : to(other_end),
      random(seed),
      loss({"loss", by_chance(options.loss), DropSpec{}}),
      duplicate({"duplicate", by_chance(options.duplicate), DuplicateSpec{}}),
      reorder({"reorder", by_chance(options.reorder), ReorderSpec{options.reorder_by}}) {}

Bridge::Bridge(FramePort& a, FramePort& b, const Options& options)
    : ports_{&a, &b},
      delay_(options.delay),
      jitter_(options.jitter),
      // Seeds that differ in one bit make unrelated sequences.
      ways_{Way(b, options, 2 * options.seed), Way(a, options, 2 * options.seed + 1)} {}

Passing Bridge::decide(Way& way) {
  ++way.frames;
  Passing passing{.delay = delay_};
  if (way.loss.meet(passing, way.random)) return passing;
  way.duplicate.meet(passing, way.random);
  way.reorder.meet(passing, way.random);
  if (jitter_ > Duration{}) {
    passing.delay += Duration(
        static_cast<Duration::rep>(way.random() % static_cast<std::uint64_t>(jitter_.count() + 1)));
  }
  return passing;
}

std::size_t Bridge::forward(End from, Instant now) {
  Way& way = this->way(from);
  std::array<Bytes, batch_size> frames;
  const std::size_t count = ports_[static_cast<std::size_t>(from)]->receive(frames);
  leaving_.clear();
  for (const Bytes frame : std::span(frames).first(count)) {
    const Passing passing = decide(way);
    if (passing.dropped) continue;
    for (unsigned copy = 0; copy < passing.copies; ++copy) {
      if (passing.delay == Duration{}) {
        leaving_.push_back({frame, {}});
      } else {
        hold(way, frame, now + passing.delay);
      }
    }
  }
  if (!leaving_.empty()) way.to.send(leaving_);
  return count;
}

void Bridge::hold(Way& way, Bytes frame, Instant due) {
  std::vector<std::uint8_t> bytes;
  if (!spare_.empty()) {
    bytes = std::move(spare_.back());
    spare_.pop_back();
  }
  bytes.assign(frame.begin(), frame.end());
  held_.push_back({due, next_order_++, &way, std::move(bytes)});
  std::ranges::push_heap(held_, std::greater<>());
}

void Bridge::tick(Instant now) {
  while (deadline() <= now) {
    std::ranges::pop_heap(held_, std::greater<>());
    Held& next = held_.back();
    const Outgoing frame{next.bytes, {}};
    next.way->to.send({&frame, 1});
    spare_.push_back(std::move(next.bytes));
    held_.pop_back();
  }
}

Bridge::Counts Bridge::counts(End from) const {
  const Way& way = ways_[static_cast<std::size_t>(from)];
  return {way.frames, way.loss.hits(), way.duplicate.hits(), way.reorder.hits()};
}

}  // namespace aoe::harness
