#include "initiator/cli/path_probe.h"

#include <unistd.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/standard_streams.h"

namespace aoe::initiator {
namespace {

using boost::system::error_code;

/// How long an answer is waited for once the path's round trip is known: at least, and how often it.
constexpr Duration probe_limit_min = std::chrono::milliseconds(500);
constexpr int probe_limit_round_trips = 8;
constexpr unsigned hopeless = 3;  // queries without any answer: the rest is not sent
/// Their frames together fit the buffers of any target.
constexpr std::size_t paths_at_a_time = 16;

/// Which direction of which path. The largest size that passes in it is looked for once, by the first
/// device that wants to know, for all devices behind the same MAC address.
struct Direction {
  std::string interface;
  Mac mac{};
  std::uint8_t sectors = 0;  // of the longest command
  bool requests = false;     // large requests, else large answers

  auto operator<=>(const Direction&) const = default;
};
using Searches = std::map<Direction, std::optional<unsigned>>;  // sectors that pass

std::optional<Direction> lost_requests(const PathCheck& check) {
  if (check.request.asked == 0 || check.request.answered > 0) return std::nullopt;
  return Direction{check.path.interface, check.path.mac, check.sectors(), true};
}
std::optional<Direction> lost_answers(const PathCheck& check) {
  const bool lost = check.answer.asked > 0 && check.answer.answered == 0;
  if (!lost || !check.refusal.empty()) return std::nullopt;
  return Direction{check.path.interface, check.path.mac, check.sectors(), false};
}

/// Sends the queries on one path. Must outlive them.
class Prober {
 public:
  using Then = std::function<void()>;

  Prober(Connection& connection, PathCheck& check, Searches& searches, Duration wait)
      : connection_(connection), check_(check), searches_(searches), wait_(wait) {}

  /// Sends `count` queries of each kind. Calls `done` when all are answered or lost.
  void run(unsigned count, Then done) {
    const auto small_done = [this, count, done = std::move(done)] {
      if (check_.small.answered == 0) return done();
      identify(1, [this, count, done] { probe_large(count, done); });
    };
    // The first ones at the same time: a path that is silent costs one wait.
    ask_at_once(
        std::min(count, hopeless), ConfigQuery{}, 0, check_.small,
        [this, count, small_done] { repeat(count, ConfigQuery{}, 0, check_.small, small_done); });
  }

 private:
  using Answered = std::function<void(error_code, const QueryAnswer&)>;

  void ask(const Query& query, std::size_t frame_size, Answered answered) {
    connection_.client().async_probe(check_.device, check_.path, query, frame_size, limit(),
                                     std::move(answered));
  }

  Duration limit() const {
    if (check_.small.answered == 0) return wait_;
    return std::min(wait_,
                    std::max(probe_limit_min, probe_limit_round_trips * check_.small.round_trip));
  }

  void ask_at_once(unsigned count, const Query& query, std::size_t frame_size, ProbeCount& into,
                   const Then& then) {
    const auto left = std::make_shared<unsigned>(count);
    for (unsigned i = 0; i < count; ++i) {
      ask(query, frame_size, [&into, left, then](error_code error, const QueryAnswer& answer) {
        into.add(error, answer.round_trip);
        if (--*left == 0) then();
      });
    }
  }

  /// Asks one query after the other until `count` were asked, or `hopeless` without any answer.
  void repeat(unsigned count, const Query& query, std::size_t frame_size, ProbeCount& into,
              const Then& then) {
    if (into.asked >= count || (into.asked >= hopeless && into.answered == 0)) return then();
    ask(query, frame_size,
        [this, count, query, frame_size, &into, then](error_code error, const QueryAnswer& answer) {
          const bool refused = error && error != boost::system::errc::timed_out;
          if (refused && std::holds_alternative<ReadQuery>(query)) {
            ++into.asked;  // there was an answer, but not of the length that counts
            check_.refusal = error.message();
            return then();
          }
          into.add(error, answer.round_trip);
          repeat(count, query, frame_size, into, then);
        });
  }

  /// Finds out which disk answers by this path. A lost answer is asked for again.
  void identify(unsigned attempt, const Then& then) {
    ask(IdentifyQuery{}, 0, [this, attempt, then](error_code error, const QueryAnswer& answer) {
      if (error == boost::system::errc::timed_out && attempt < hopeless) {
        return identify(attempt + 1, then);
      }
      if (!error) check_.identity = answer.identity;
      then();
    });
  }

  /// Sends large requests, and asks for large answers, side by side. Then looks for what passes of
  /// those that were all lost.
  void probe_large(unsigned count, const Then& done) {
    const Then both_done = after(2, [this, done] {
      const bool requests = begins(lost_requests(check_));
      const bool answers = begins(lost_answers(check_));
      if (!requests && !answers) return done();
      const Then found = after(requests && answers ? 2 : 1, done);
      const unsigned high = check_.sectors() - 1U;
      if (requests) search(*lost_requests(check_), 0, high, found);
      if (answers) search(*lost_answers(check_), 0, high, found);
    });
    repeat(count, ConfigQuery{}, check_.frame_size(), check_.request, both_done);
    repeat(count, ReadQuery{check_.sectors()}, 0, check_.answer, both_done);
  }

  /// Returns what calls `then` when it was called `count` times.
  static Then after(unsigned count, Then then) {
    return [left = std::make_shared<unsigned>(count), then = std::move(then)] {
      if (--*left == 0) then();
    };
  }

  /// Whether this path is the first that wants to know.
  bool begins(const std::optional<Direction>& direction) {
    return direction && searches_.emplace(*direction, std::nullopt).second;
  }

  /// Finds the most sectors that pass: no less than `low` (0: perhaps none do), no more than `high`.
  /// What is lost by its size is lost each time, so one answer shows that a size passes.
  void search(const Direction& direction, unsigned low, unsigned high, const Then& then) {
    if (low >= high) {
      if (low > 0) searches_[direction] = low;
      return then();
    }
    const auto middle = static_cast<std::uint8_t>((low + high + 1) / 2);
    const auto tried = std::make_shared<ProbeCount>();
    const Query query = direction.requests ? Query(ConfigQuery{}) : Query(ReadQuery{middle});
    const std::size_t size = direction.requests ? ata_header_size + middle * sector_size : 0;
    ask_at_once(hopeless, query, size, *tried, [this, direction, low, middle, high, then, tried] {
      const bool passes = tried->answered > 0;
      search(direction, passes ? middle : low, passes ? high : middle - 1U, then);
    });
  }

  Connection& connection_;
  PathCheck& check_;
  Searches& searches_;
  const Duration wait_;
};

}  // namespace

void probe_paths(Connection& connection, std::vector<PathCheck>& checks, Duration wait,
                 unsigned count) {
  const bool shown = ::isatty(STDERR_FILENO) == 1;
  Searches searches;
  std::deque<Prober> probers;
  std::size_t ended = 0;
  std::size_t ended_shown = 0;
  connection.wait([&] {
    while (probers.size() < std::min(checks.size(), ended + paths_at_a_time)) {
      probers.emplace_back(connection, checks[probers.size()], searches, wait);
      probers.back().run(count, [&ended] { ++ended; });
    }
    if (shown && std::exchange(ended_shown, ended) != ended) {
      tell(fmt::format("\r{} of {} paths checked\x1b[K", ended, checks.size()));
    }
    return ended == checks.size();
  });
  if (shown) tell("\r\x1b[K");
  for (PathCheck& check : checks) {
    if (const auto direction = lost_requests(check)) check.request_passes = searches[*direction];
    if (const auto direction = lost_answers(check)) check.answer_passes = searches[*direction];
  }
}

}  // namespace aoe::initiator
