// Calls that may wait for a disk, made by a thread that can't wait for ever.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
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

/// Does these one after the other, on a thread of its own, until one fails. Where one takes too
/// long (`patience`), that thread is left to itself. Errors begin with the path.
template <typename Result>
tl::expected<std::vector<Result>, std::string> do_in_time(std::vector<DiskWork<Result>> all,
                                                          std::chrono::seconds patience) {
  struct Progress {
    std::mutex guard;
    std::condition_variable changed;
    std::vector<Result> results;
    std::optional<std::string> error;
    bool is_given_up = false;
  };
  if (all.empty()) return std::vector<Result>{};
  const auto progress = std::make_shared<Progress>();
  std::thread([progress, all] {
    for (const auto& each : all) {
      auto result = each.work();
      const std::lock_guard lock(progress->guard);
      if (result) {
        progress->results.push_back(*std::move(result));
      } else {
        progress->error = result.error();
      }
      progress->changed.notify_one();
      if (progress->error || progress->is_given_up) return;
    }
  }).detach();

  std::unique_lock lock(progress->guard);
  while (!progress->error && progress->results.size() < all.size()) {
    const std::size_t before = progress->results.size();
    if (!progress->changed.wait_for(
            lock, patience, [&] { return progress->error || progress->results.size() > before; })) {
      progress->is_given_up = true;
      return tl::unexpected(fmt::format("{}: does not answer: opening it takes more than {} s",
                                        all[before].path, patience.count()));
    }
  }
  if (progress->error) return tl::unexpected(*progress->error);
  return std::move(progress->results);
}

}  // namespace aoe::target
