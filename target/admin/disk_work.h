// Calls that may wait for a disk, made by a thread that can't wait for ever.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <tl/expected.hpp>

namespace aoe::target {

/// Something that may wait for a disk, and that disk.
template <typename Result>
struct DiskWork {
  std::string path;
  std::function<tl::expected<Result, std::string>()> work;
};

/// Does these one after the other, on a thread of its own. Where one takes too long (`patience`), that
/// thread is left to itself, and another goes on with the next. Returns the results in the same order;
/// the error of one that took too long begins with the path.
template <typename Result>
std::vector<tl::expected<Result, std::string>> do_in_time(std::vector<DiskWork<Result>> all,
                                                          std::chrono::seconds patience) {
  using Outcome = tl::expected<Result, std::string>;
  struct Progress {
    std::mutex guard;
    std::condition_variable changed;
    std::vector<Outcome> outcomes;
    bool is_given_up = false;
  };
  std::vector<Outcome> outcomes;
  while (outcomes.size() < all.size()) {
    const auto progress = std::make_shared<Progress>();
    const std::vector<DiskWork<Result>> left(all.begin() + std::ssize(outcomes), all.end());
    const auto work = [progress, left] {
      for (const auto& each : left) {
        auto outcome = each.work();
        const std::lock_guard lock(progress->guard);
        if (progress->is_given_up) return;
        progress->outcomes.push_back(std::move(outcome));
        progress->changed.notify_one();
      }
    };
    try {
      std::thread(work).detach();
    } catch (const std::system_error& error) {
      outcomes.push_back(tl::unexpected(
          fmt::format("{}: opening it: {}", left.front().path, error.code().message())));
      continue;
    }
    std::unique_lock lock(progress->guard);
    for (std::size_t done = 0; done < left.size() && !progress->is_given_up; ++done) {
      const auto has_more = [&] { return progress->outcomes.size() > done; };
      progress->is_given_up = !progress->changed.wait_for(lock, patience, has_more);
    }
    for (Outcome& outcome : progress->outcomes) outcomes.push_back(std::move(outcome));
    if (!progress->is_given_up) continue;
    outcomes.push_back(
        tl::unexpected(fmt::format("{}: does not answer: opening it takes more than {} s",
                                   left[progress->outcomes.size()].path, patience.count())));
  }
  return outcomes;
}

}  // namespace aoe::target
