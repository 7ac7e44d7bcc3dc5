#include "initiator/testing/test_reads.h"

#include <algorithm>
#include <utility>

#include "initiator/testing/flights.h"

namespace aoe::initiator {

unsigned play_reads(World& world, const ReadPlay& play) {
  Flights<Sent> flights;
  const Instant end = world.now + play.how_long;
  unsigned done = 0;
  unsigned outstanding = 0;
  while (world.now < end) {
    for (; outstanding < play.outstanding_max; ++outstanding) world.read(play.place() % 400 * 2, 2);
    for (Sent& command : world.take()) {
      const Instant arrival = play.arrival(command);
      if (arrival != never) flights.send(arrival, std::move(command));
    }
    world.advance_to(std::min(flights.arrival(), world.engine.deadline()));
    while (const auto command = flights.land(world.now)) world.answer(*command);
    const std::string completions = world.completions();
    const auto completed = static_cast<unsigned>(std::ranges::count(completions, 'k'));
    done += completed;
    outstanding -= completed;
    world.events();
  }
  return done;
}

}  // namespace aoe::initiator
